package twin.store;

import java.io.IOException;
import java.util.List;
import org.eclipse.digitaltwin.aas4j.v3.dataformat.core.SerializationException;
import org.eclipse.digitaltwin.basyx.aasenvironment.AasEnvironment;
import org.eclipse.digitaltwin.basyx.aasenvironment.AasEnvironmentFactory;
import org.eclipse.digitaltwin.basyx.aasenvironment.environmentloader.CompleteEnvironment;
import org.eclipse.digitaltwin.basyx.aasenvironment.feature.AasEnvironmentFeature;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.stereotype.Component;

/** A package that is uploaded comes into the store as a whole, or nothing of it does. */
@Component
@ConditionalOnProperty(name = "basyx.backend", havingValue = "Database")
class WholeUploads implements AasEnvironmentFeature {

  private final Database database;

  WholeUploads(Store store) {
    this.database = store.database();
  }

  @Override
  public AasEnvironmentFactory decorate(AasEnvironmentFactory factory) {
    return () -> new Whole(factory.create());
  }

  @Override
  public void initialize() {}

  @Override
  public void cleanUp() {}

  @Override
  public String getName() {
    return "Uploads in one transaction";
  }

  @Override
  public boolean isEnabled() {
    return true;
  }

  private final class Whole implements AasEnvironment {

    private final AasEnvironment inner;

    Whole(AasEnvironment inner) {
      this.inner = inner;
    }

    @Override
    public void loadEnvironment(CompleteEnvironment environment) {
      database.write(jdbc -> inner.loadEnvironment(environment));
    }

    @Override
    public String createJSONAASEnvironmentSerialization(
        List<String> shells, List<String> submodels, boolean concepts)
        throws SerializationException {
      return inner.createJSONAASEnvironmentSerialization(shells, submodels, concepts);
    }

    @Override
    public String createXMLAASEnvironmentSerialization(
        List<String> shells, List<String> submodels, boolean concepts)
        throws SerializationException {
      return inner.createXMLAASEnvironmentSerialization(shells, submodels, concepts);
    }

    @Override
    public byte[] createAASXAASEnvironmentSerialization(
        List<String> shells, List<String> submodels, boolean concepts)
        throws SerializationException, IOException {
      return inner.createAASXAASEnvironmentSerialization(shells, submodels, concepts);
    }
  }
}
