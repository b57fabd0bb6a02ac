package twin.store;

import com.fasterxml.jackson.databind.SerializationFeature;
import java.util.stream.Stream;
import org.eclipse.digitaltwin.basyx.aasrepository.AasRepositoryFactory;
import org.eclipse.digitaltwin.basyx.conceptdescriptionrepository.ConceptDescriptionRepositoryFactory;
import org.eclipse.digitaltwin.basyx.http.SerializationExtension;
import org.eclipse.digitaltwin.basyx.submodelrepository.SubmodelRepositoryFactory;
import org.springframework.beans.factory.support.BeanDefinitionRegistryPostProcessor;
import org.springframework.boot.actuate.health.Health;
import org.springframework.boot.actuate.health.HealthIndicator;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.env.Environment;

/** Puts the store in the place of BaSyx's own backends when {@code basyx.backend=Database}. */
@Configuration
@ConditionalOnProperty(name = "basyx.backend", havingValue = "Database")
class StoreConfiguration {

  @Bean
  Store store(Environment environment) {
    return Store.open(StoreSettings.of(environment));
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
  SerializationExtension inLargeParts() {
    // BaSyx writes values one by one, and by default each would be sent on its own.
    return builder -> builder.featuresToDisable(SerializationFeature.FLUSH_AFTER_WRITE_VALUE);
  }
}
