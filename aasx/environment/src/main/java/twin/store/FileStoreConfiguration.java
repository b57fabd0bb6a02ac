package twin.store;

import java.io.File;
import java.io.InputStream;
import java.nio.file.Path;
import org.eclipse.digitaltwin.aas4j.v3.model.AssetAdministrationShell;
import org.eclipse.digitaltwin.aas4j.v3.model.Resource;
import org.eclipse.digitaltwin.aas4j.v3.model.Submodel;
import org.eclipse.digitaltwin.aas4j.v3.model.SubmodelElement;
import org.eclipse.digitaltwin.aas4j.v3.model.impl.DefaultResource;
import org.eclipse.digitaltwin.basyx.aasservice.AasService;
import org.eclipse.digitaltwin.basyx.aasservice.AasServiceFactory;
import org.eclipse.digitaltwin.basyx.aasservice.backend.CrudAasService;
import org.eclipse.digitaltwin.basyx.aasservice.feature.AasServiceFeature;
import org.eclipse.digitaltwin.basyx.core.exceptions.FileDoesNotExistException;
import org.eclipse.digitaltwin.basyx.submodelservice.SubmodelService;
import org.eclipse.digitaltwin.basyx.submodelservice.SubmodelServiceFactory;
import org.eclipse.digitaltwin.basyx.submodelservice.backend.CrudSubmodelService;
import org.eclipse.digitaltwin.basyx.submodelservice.feature.SubmodelServiceFeature;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** Puts the file store in the place of BaSyx's own backends when {@code basyx.backend=File}. */
@Configuration
@ConditionalOnProperty(name = "basyx.backend", havingValue = "File")
class FileStoreConfiguration {

  @Bean
  FileStore fileStore(
      @Value("${twin.store.dir}") Path folder, @Value("${twin.store.fsync}") boolean fsync) {
    return new FileStore(folder, fsync);
  }

  @Bean
  ShellStore shellStore(FileStore store) {
    return store.shells();
  }

  @Bean(destroyMethod = "")
  SubmodelStore submodelStore(FileStore store) {
    return store.submodels();
  }

  @Bean
  ConceptDescriptionStore conceptDescriptionStore(FileStore store) {
    return store.conceptDescriptions();
  }

  @Bean(destroyMethod = "")
  Attachments attachments(FileStore store) {
    return store.attachments();
  }

  @Bean
  SubmodelServiceFeature submodelFiles(FileStore store) {
    return new SubmodelFiles(store);
  }

  @Bean
  AasServiceFeature shellFiles(FileStore store) {
    return new ShellFiles(store);
  }

  /**
   * BaSyx's service deletes the old attachment before it has the new one, and writes a file where a
   * File's value says whenever it is read. This one changes attachment and element in one step and
   * only ever reads inside the store.
   */
  private record SubmodelFiles(FileStore store)
      implements SubmodelServiceFeature, SubmodelServiceFactory {

    @Override
    public SubmodelServiceFactory decorate(SubmodelServiceFactory factory) {
      return this;
    }

    @Override
    public SubmodelService create(Submodel submodel) {
      store.submodels().save(submodel);
      return create(submodel.getId());
    }

    @Override
    public SubmodelService create(String id) {
      SubmodelStore submodels = store.submodels();
      Attachments attachments = store.attachments();
      return new CrudSubmodelService(submodels, attachments, id) {

        @Override
        public File getFileByPath(String path) {
          String value = submodels.fileElement(id, path).getValue();
          return attachments.file(value).orElseThrow(FileDoesNotExistException::new).toFile();
        }

        @Override
        public void setFileValue(String path, String fileName, InputStream content) {
          submodels.fileElement(id, path);
          String value = attachments.save(submodels.attachmentOwner(id), fileName, content);
          try {
            submodels.setAttachment(id, path, value);
          } catch (RuntimeException e) {
            attachments.discard(value);
            throw e;
          }
        }

        @Override
        public void deleteFileValue(String path) {
          submodels.setAttachment(id, path, null);
        }

        @Override
        public void updateSubmodelElement(String path, SubmodelElement element) {
          submodels.updateSubmodelElement(id, path, element);
        }

        @Override
        public void deleteSubmodelElement(String path) {
          submodels.deleteSubmodelElement(id, path);
        }
      };
    }

    @Override
    public void initialize() {}

    @Override
    public void cleanUp() {}

    @Override
    public String getName() {
      return "attachments in the file store";
    }

    @Override
    public boolean isEnabled() {
      return true;
    }
  }

  /** The same for the thumbnails of shells. */
  private record ShellFiles(FileStore store) implements AasServiceFeature, AasServiceFactory {

    @Override
    public AasServiceFactory decorate(AasServiceFactory factory) {
      return this;
    }

    @Override
    public AasService create(AssetAdministrationShell shell) {
      store.shells().save(shell);
      return create(shell.getId());
    }

    @Override
    public AasService create(String id) {
      ShellStore shells = store.shells();
      Attachments attachments = store.attachments();
      return new CrudAasService(shells, attachments, id) {

        @Override
        public File getThumbnail() {
          return ShellStore.thumbnail(getAAS())
              .flatMap(attachments::file)
              .orElseThrow(FileDoesNotExistException::new)
              .toFile();
        }

        @Override
        public void setThumbnail(String fileName, String contentType, InputStream content) {
          String value = attachments.save(shells.attachmentOwner(id), fileName, content);
          try {
            Resource thumbnail = new DefaultResource();
            thumbnail.setPath(value);
            thumbnail.setContentType(contentType);
            shells.setThumbnail(id, thumbnail);
          } catch (RuntimeException e) {
            attachments.discard(value);
            throw e;
          }
        }

        @Override
        public void deleteThumbnail() {
          shells.setThumbnail(id, null);
        }
      };
    }

    @Override
    public void initialize() {}

    @Override
    public void cleanUp() {}

    @Override
    public String getName() {
      return "thumbnails in the file store";
    }

    @Override
    public boolean isEnabled() {
      return true;
    }
  }
}
