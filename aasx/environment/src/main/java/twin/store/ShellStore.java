package twin.store;

import java.io.IOException;
import java.util.Optional;
import java.util.function.Consumer;
import org.eclipse.digitaltwin.aas4j.v3.model.AssetAdministrationShell;
import org.eclipse.digitaltwin.aas4j.v3.model.AssetInformation;
import org.eclipse.digitaltwin.aas4j.v3.model.Reference;
import org.eclipse.digitaltwin.aas4j.v3.model.Resource;
import org.eclipse.digitaltwin.basyx.aasservice.backend.InMemoryAasBackend;
import org.eclipse.digitaltwin.basyx.core.exceptions.ElementDoesNotExistException;
import org.eclipse.digitaltwin.basyx.core.exceptions.FileDoesNotExistException;
import twin.store.Documents.Document;

/**
 * Shells, read from memory and written through to the disk; a change replaces the whole (small)
 * document.
 */
public class ShellStore extends InMemoryAasBackend {

  private final Documents<AssetAdministrationShell> documents;
  private final Attachments attachments;

  ShellStore(Documents<AssetAdministrationShell> documents, Attachments attachments) {
    this.documents = documents;
    this.attachments = attachments;
  }

  void load() throws IOException {
    for (Document<AssetAdministrationShell> document : documents.read()) {
      super.save(document.object());
    }
  }

  void removeLeftovers() throws IOException {
    documents.removeLeftovers();
  }

  static Optional<String> thumbnail(AssetAdministrationShell shell) {
    return Optional.ofNullable(shell.getAssetInformation())
        .map(AssetInformation::getDefaultThumbnail)
        .map(Resource::getPath);
  }

  private AssetAdministrationShell get(String id) {
    return findById(id).orElseThrow(() -> new ElementDoesNotExistException(id));
  }

  /** Lets BaSyx change a copy, and keeps the copy. */
  private synchronized void change(String id, Consumer<InMemoryAasBackend> change) {
    InMemoryAasBackend copy = new InMemoryAasBackend();
    copy.save(Json.copy(get(id), AssetAdministrationShell.class));
    change.accept(copy);
    save(copy.findById(id).orElseThrow());
  }

  @Override
  public synchronized <S extends AssetAdministrationShell> S save(S shell) {
    Optional<String> before = findById(shell.getId()).flatMap(ShellStore::thumbnail);
    AssetAdministrationShell stored = documents.write(shell);
    super.save(stored);
    if (!before.equals(thumbnail(stored))) {
      release(documents.nameOf(shell.getId()), before);
    }
    return shell;
  }

  @Override
  public synchronized void deleteById(String id) {
    Optional<String> before = thumbnail(get(id));
    String owner = documents.nameOf(id);
    documents.delete(id);
    super.deleteById(id);
    release(owner, before);
  }

  private void release(String owner, Optional<String> thumbnail) {
    thumbnail.filter(value -> attachments.belongsTo(owner, value)).ifPresent(attachments::release);
  }

  /**
   * @return the name under which the thumbnail of this shell is kept
   */
  String attachmentOwner(String id) {
    get(id);
    return documents.nameOf(id);
  }

  /**
   * @param thumbnail the new one, or {@code null} to take it away
   */
  void setThumbnail(String id, Resource thumbnail) {
    change(
        id,
        copy -> {
          AssetInformation information = copy.getAssetInformation(id);
          if (information == null) {
            throw new IllegalArgumentException(
                "The shell has no asset information to hold a thumbnail");
          }
          if (thumbnail == null && information.getDefaultThumbnail() == null) {
            throw new FileDoesNotExistException();
          }
          information.setDefaultThumbnail(thumbnail);
        });
  }

  @Override
  public void addSubmodelReference(String id, Reference submodel) {
    change(id, copy -> copy.addSubmodelReference(id, submodel));
  }

  @Override
  public void removeSubmodelReference(String id, String submodelId) {
    change(id, copy -> copy.removeSubmodelReference(id, submodelId));
  }

  @Override
  public void setAssetInformation(String id, AssetInformation information) {
    change(id, copy -> copy.setAssetInformation(id, information));
  }

  @Override
  public void delete(AssetAdministrationShell shell) {
    deleteById(shell.getId());
  }

  @Override
  public void deleteAllById(Iterable<? extends String> ids) {
    ids.forEach(this::deleteById);
  }

  @Override
  public void deleteAll(Iterable<? extends AssetAdministrationShell> shells) {
    shells.forEach(this::delete);
  }

  @Override
  public void deleteAll() {
    deleteAll(findAll());
  }
}
