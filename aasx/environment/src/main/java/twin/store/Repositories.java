package twin.store;

import java.io.File;
import java.io.InputStream;
import java.util.List;
import org.eclipse.digitaltwin.aas4j.v3.model.AssetAdministrationShell;
import org.eclipse.digitaltwin.aas4j.v3.model.ConceptDescription;
import org.eclipse.digitaltwin.aas4j.v3.model.Submodel;
import org.eclipse.digitaltwin.aas4j.v3.model.SubmodelElement;
import org.eclipse.digitaltwin.basyx.aasrepository.backend.CrudAasRepository;
import org.eclipse.digitaltwin.basyx.aasservice.backend.CrudAasServiceFactory;
import org.eclipse.digitaltwin.basyx.conceptdescriptionrepository.backend.CrudConceptDescriptionRepository;
import org.eclipse.digitaltwin.basyx.core.exceptions.IdentificationMismatchException;
import org.eclipse.digitaltwin.basyx.core.exceptions.MissingIdentifierException;
import org.eclipse.digitaltwin.basyx.core.pagination.CursorResult;
import org.eclipse.digitaltwin.basyx.core.pagination.PaginationInfo;
import org.eclipse.digitaltwin.basyx.submodelrepository.backend.CrudSubmodelRepository;
import org.eclipse.digitaltwin.basyx.submodelservice.backend.CrudSubmodelServiceFactory;
import org.eclipse.digitaltwin.basyx.submodelservice.value.SubmodelValueOnly;

/**
 * BaSyx's repositories, with what they do in memory or in several steps done by the database in
 * one: listings in pages, creating only what is not there, replacing only what is, files together
 * with the element that names them.
 */
final class Repositories {

  private Repositories() {}

  private static void requireId(String id) {
    if (id == null || id.isBlank()) {
      throw new MissingIdentifierException(id);
    }
  }

  private static void requireSame(String id, String given) {
    if (!id.equals(given)) {
      throw new IdentificationMismatchException();
    }
  }

  static final class Submodels extends CrudSubmodelRepository {
    private final SubmodelStore store;

    Submodels(SubmodelStore store, Attachments attachments, String name) {
      super(store, new CrudSubmodelServiceFactory(store, attachments), name);
      this.store = store;
    }

    @Override
    public CursorResult<List<Submodel>> getAllSubmodels(PaginationInfo wanted) {
      return store.page(null, wanted);
    }

    @Override
    public CursorResult<List<Submodel>> getAllSubmodels(String semanticId, PaginationInfo wanted) {
      return store.page(semanticId, wanted);
    }

    @Override
    public void createSubmodel(Submodel submodel) {
      requireId(submodel.getId());
      store.create(submodel);
    }

    @Override
    public void updateSubmodel(String id, Submodel submodel) {
      requireSame(id, submodel.getId());
      store.replace(submodel);
    }

    @Override
    public SubmodelValueOnly getSubmodelByIdValueOnly(String id) {
      return store.values(id);
    }

    @Override
    public Submodel getSubmodelByIdMetadata(String id) {
      return store.metadata(id);
    }

    @Override
    public void updateSubmodelElement(String id, String path, SubmodelElement element) {
      store.updateSubmodelElement(id, path, element);
    }

    @Override
    public void deleteSubmodelElement(String id, String path) {
      store.deleteSubmodelElement(id, path);
    }

    @Override
    public File getFileByPathSubmodel(String id, String path) {
      return store.file(id, path);
    }

    @Override
    public void setFileValue(String id, String path, String fileName, InputStream content) {
      store.setFile(id, path, fileName, content);
    }

    @Override
    public void deleteFileValue(String id, String path) {
      store.deleteFile(id, path);
    }
  }

  static final class Shells extends CrudAasRepository {
    private final ShellStore store;

    Shells(ShellStore store, Attachments attachments, String name) {
      super(store, new CrudAasServiceFactory(store, attachments), name);
      this.store = store;
    }

    @Override
    public CursorResult<List<AssetAdministrationShell>> getAllAas(PaginationInfo wanted) {
      return store.page(null, wanted);
    }

    @Override
    public void createAas(AssetAdministrationShell shell) {
      requireId(shell.getId());
      store.create(shell);
    }

    @Override
    public void updateAas(String id, AssetAdministrationShell shell) {
      requireSame(id, shell.getId());
      store.replace(shell);
    }

    @Override
    public File getThumbnail(String id) {
      return store.thumbnailOf(id);
    }

    @Override
    public void setThumbnail(String id, String fileName, String contentType, InputStream content) {
      store.setThumbnail(id, fileName, contentType, content);
    }

    @Override
    public void deleteThumbnail(String id) {
      store.deleteThumbnail(id);
    }
  }

  static final class ConceptDescriptions extends CrudConceptDescriptionRepository {
    private final ConceptDescriptionStore store;

    ConceptDescriptions(ConceptDescriptionStore store, String name) {
      super(store, name);
      this.store = store;
    }

    @Override
    public CursorResult<List<ConceptDescription>> getAllConceptDescriptions(PaginationInfo wanted) {
      return store.page(null, wanted);
    }

    @Override
    public void createConceptDescription(ConceptDescription concept) {
      requireId(concept.getId());
      store.create(concept);
    }

    @Override
    public void updateConceptDescription(String id, ConceptDescription concept) {
      requireSame(id, concept.getId());
      store.replace(concept);
    }
  }
}
