package twin.store;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonSerializer;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.SerializerProvider;
import java.io.IOException;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.eclipse.digitaltwin.basyx.aasrepository.AasRepositoryFactory;
import org.eclipse.digitaltwin.basyx.conceptdescriptionrepository.ConceptDescriptionRepositoryFactory;
import org.eclipse.digitaltwin.basyx.http.SerializationExtension;
import org.eclipse.digitaltwin.basyx.submodelrepository.SubmodelRepositoryFactory;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.beans.factory.support.BeanDefinitionRegistryPostProcessor;
import org.springframework.boot.actuate.health.Health;
import org.springframework.boot.actuate.health.HealthIndicator;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** Puts the store in the place of BaSyx's own backends when {@code basyx.backend=Database}. */
@Configuration
@ConditionalOnProperty(name = "basyx.backend", havingValue = "Database")
class StoreConfiguration {

  @Bean
  Store store(Database.Settings settings, @Value("${twin.store.dir}") Path folder) {
    return new Store(settings, folder);
  }

  /** Leaves out BaSyx's own repositories, which want backends below them. */
  @Bean
  static BeanDefinitionRegistryPostProcessor withoutBackends() {
    return registry ->
        Stream.of(registry.getBeanDefinitionNames())
            .filter(name -> name.matches("crud.+Factory|get(Aas|Submodel)ServiceFactory"))
            .forEach(registry::removeBeanDefinition);
  }

  @Bean
  AasRepositoryFactory shells(Store store) {
    return store::shells;
  }

  @Bean
  SubmodelRepositoryFactory submodels(Store store) {
    return store::submodels;
  }

  @Bean
  ConceptDescriptionRepositoryFactory conceptDescriptions(Store store) {
    return store::conceptDescriptions;
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
          Stored.SubmodelValues.class,
          new JsonSerializer<Stored.SubmodelValues>() {
            @Override
            public void serialize(
                Stored.SubmodelValues submodel, JsonGenerator out, SerializerProvider provider)
                throws IOException {
              submodel.values().serialize(out, provider);
            }
          });
      // BaSyx writes values one by one, and by default each would be sent on its own.
      builder.featuresToDisable(SerializationFeature.FLUSH_AFTER_WRITE_VALUE);
    };
  }
}
