package twin;

import java.util.List;
import org.eclipse.digitaltwin.basyx.aasenvironment.AasEnvironment;
import org.eclipse.digitaltwin.basyx.aasenvironment.AasEnvironmentFactory;
import org.eclipse.digitaltwin.basyx.aasenvironment.feature.AasEnvironmentFeature;
import org.eclipse.digitaltwin.basyx.aasenvironment.feature.DecoratedAasEnvironmentFactory;
import org.eclipse.digitaltwin.basyx.aasenvironment.preconfiguration.AasEnvironmentPreconfigurationLoader;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.data.mongo.MongoDataAutoConfiguration;
import org.springframework.boot.autoconfigure.mongo.MongoAutoConfiguration;
import org.springframework.context.annotation.Bean;
import org.springframework.core.io.ResourceLoader;

/** Starts Eclipse BaSyx's AAS environment: shells, submodels, concept descriptions and delegated operations over HTTP. */
@SpringBootApplication(
    scanBasePackages = {"org.eclipse.digitaltwin.basyx", "twin"},
    exclude = {MongoAutoConfiguration.class, MongoDataAutoConfiguration.class})
public class AasEnvironmentApplication {

  public static void main(String[] args) {
    SpringApplication.run(AasEnvironmentApplication.class, args);
  }

  @Bean
  @ConditionalOnMissingBean
  AasEnvironment aasEnvironment(AasEnvironmentFactory factory, List<AasEnvironmentFeature> features) {
    return new DecoratedAasEnvironmentFactory(factory, features).create();
  }

  @Bean
  @ConditionalOnMissingBean
  AasEnvironmentPreconfigurationLoader preconfigurationLoader(ResourceLoader resources, List<String> paths) {
    return new AasEnvironmentPreconfigurationLoader(resources, paths);
  }
}
