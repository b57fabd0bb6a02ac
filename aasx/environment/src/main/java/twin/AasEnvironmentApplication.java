package twin;

import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.eclipse.digitaltwin.basyx.aasenvironment.AasEnvironment;
import org.eclipse.digitaltwin.basyx.aasenvironment.AasEnvironmentFactory;
import org.eclipse.digitaltwin.basyx.aasenvironment.feature.AasEnvironmentFeature;
import org.eclipse.digitaltwin.basyx.aasenvironment.feature.DecoratedAasEnvironmentFactory;
import org.eclipse.digitaltwin.basyx.aasenvironment.preconfiguration.AasEnvironmentPreconfigurationLoader;
import org.eclipse.digitaltwin.basyx.aasrepository.AasRepository;
import org.eclipse.digitaltwin.basyx.conceptdescriptionrepository.ConceptDescriptionRepository;
import org.eclipse.digitaltwin.basyx.submodelrepository.SubmodelRepository;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.data.mongo.MongoDataAutoConfiguration;
import org.springframework.boot.autoconfigure.data.mongo.MongoReactiveDataAutoConfiguration;
import org.springframework.boot.autoconfigure.integration.IntegrationAutoConfiguration;
import org.springframework.boot.autoconfigure.jdbc.DataSourceAutoConfiguration;
import org.springframework.boot.autoconfigure.jdbc.DataSourceTransactionManagerAutoConfiguration;
import org.springframework.boot.autoconfigure.jdbc.JdbcTemplateAutoConfiguration;
import org.springframework.boot.autoconfigure.jmx.JmxAutoConfiguration;
import org.springframework.boot.autoconfigure.mongo.MongoAutoConfiguration;
import org.springframework.boot.autoconfigure.mongo.MongoReactiveAutoConfiguration;
import org.springframework.boot.autoconfigure.task.TaskSchedulingAutoConfiguration;
import org.springframework.boot.autoconfigure.websocket.servlet.WebSocketServletAutoConfiguration;
import org.springframework.context.annotation.Bean;
import org.springframework.core.io.ResourceLoader;
import twin.http.Packing;
import twin.http.Uploads;
import twin.store.Backup;
import twin.store.Store;

/**
 * Starts Eclipse BaSyx's AAS environment: shells, submodels, concept descriptions and delegated
 * operations over HTTP.
 */
@SpringBootApplication(
    scanBasePackages = {"org.eclipse.digitaltwin.basyx", "twin"},
    exclude = {
      // BaSyx brings its own, for backend MongoDB only.
      MongoAutoConfiguration.class,
      MongoDataAutoConfiguration.class,
      // The store connects to its database itself.
      DataSourceAutoConfiguration.class,
      DataSourceTransactionManagerAutoConfiguration.class,
      JdbcTemplateAutoConfiguration.class,
      // Not used here; without them the start is faster.
      IntegrationAutoConfiguration.class,
      JmxAutoConfiguration.class,
      MongoReactiveAutoConfiguration.class,
      MongoReactiveDataAutoConfiguration.class,
      TaskSchedulingAutoConfiguration.class,
      WebSocketServletAutoConfiguration.class
    })
public class AasEnvironmentApplication {

  /** Starts the environment, or with {@code backup FILE} or {@code restore FILE} does that. */
  public static void main(String[] args) {
    if (args.length > 0 && (args[0].equals("backup") || args[0].equals("restore"))) {
      System.exit(Backup.run(args));
    }
    SpringApplication.run(AasEnvironmentApplication.class, args);
  }

  @Bean
  @ConditionalOnMissingBean
  AasEnvironment aasEnvironment(
      List<AasEnvironmentFeature> features,
      Optional<Store> store,
      AasRepository shells,
      SubmodelRepository submodels,
      ConceptDescriptionRepository concepts) {
    AasEnvironmentFactory factory = () -> new Packing(shells, submodels, concepts);
    Consumer<Runnable> inOneStep =
        store.<Consumer<Runnable>>map(s -> s::write).orElse(Runnable::run);
    return new Uploads(
        () -> new DecoratedAasEnvironmentFactory(factory, features).create(),
        inOneStep,
        shells,
        submodels);
  }

  @Bean
  @ConditionalOnMissingBean
  AasEnvironmentPreconfigurationLoader preconfigurationLoader(
      ResourceLoader resources, List<String> paths) {
    return new AasEnvironmentPreconfigurationLoader(resources, paths);
  }
}
