package twin.store;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonSerializer;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.SerializerProvider;
import java.io.IOException;
import java.nio.file.Path;
import org.eclipse.digitaltwin.basyx.aasrepository.AasRepositoryFactory;
import org.eclipse.digitaltwin.basyx.conceptdescriptionrepository.ConceptDescriptionRepositoryFactory;
import org.eclipse.digitaltwin.basyx.http.SerializationExtension;
import org.eclipse.digitaltwin.basyx.submodelrepository.SubmodelRepositoryFactory;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.actuate.health.Health;
import org.springframework.boot.actuate.health.HealthIndicator;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Primary;

/** Puts the store in the place of BaSyx's own backends when {@code basyx.backend=Database}. */
@Configuration
@ConditionalOnProperty(name = "basyx.backend", havingValue = "Database")
class StoreConfiguration {

  @Bean
  Store store(Database.Settings settings, @Value("${twin.store.dir}") Path folder) {
    return new Store(settings, folder);
  }

  @Bean
  ShellStore shellStore(Store store) {
    return store.shells();
  }

  @Bean
  SubmodelStore submodelStore(Store store) {
    return store.submodels();
  }

  @Bean
  ConceptDescriptionStore conceptDescriptionStore(Store store) {
    return store.conceptDescriptions();
  }

  @Bean
  Attachments attachments(Store store) {
    return store.attachments();
  }

  @Bean
  @Primary
  SubmodelRepositoryFactory submodelRepositories(
      Store store, @Value("${basyx.smrepo.name:sm-repo}") String name) {
    return () -> new Repositories.Submodels(store.submodels(), store.attachments(), name);
  }

  @Bean
  @Primary
  AasRepositoryFactory shellRepositories(
      Store store, @Value("${basyx.aasrepo.name:aas-repo}") String name) {
    return () -> new Repositories.Shells(store.shells(), store.attachments(), name);
  }

  @Bean
  @Primary
  ConceptDescriptionRepositoryFactory conceptDescriptionRepositories(
      Store store, @Value("${basyx.cdrepo.name:cd-repo}") String name) {
    return () -> new Repositories.ConceptDescriptions(store.conceptDescriptions(), name);
  }

  /** Whether the database answers, as a part of {@code /actuator/health}. */
  @Bean
  HealthIndicator storeHealth(Store store) {
    return () -> {
      try {
        store.database().read(jdbc -> jdbc.queryForObject("SELECT 1", Integer.class));
        return Health.up().build();
      } catch (StoreException e) {
        return Health.down().withDetail("store", e.getMessage() + ". " + e.remedy()).build();
      }
    };
  }

  @Bean
  SerializationExtension values() {
    return builder -> {
      builder.serializerByType(
          Stored.LazySubmodelValue.class,
          new JsonSerializer<Stored.LazySubmodelValue>() {
            @Override
            public void serialize(
                Stored.LazySubmodelValue value, JsonGenerator out, SerializerProvider provider)
                throws IOException {
              value.value().serialize(out, provider);
            }
          });
      // BaSyx writes values one by one, and by default each would be sent on its own.
      builder.featuresToDisable(SerializationFeature.FLUSH_AFTER_WRITE_VALUE);
    };
  }
}
