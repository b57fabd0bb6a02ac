package twin.store;

import java.io.File;
import java.io.InputStream;
import java.util.List;
import java.util.Optional;
import java.util.function.BiConsumer;
import org.eclipse.digitaltwin.aas4j.v3.model.AssetAdministrationShell;
import org.eclipse.digitaltwin.aas4j.v3.model.AssetInformation;
import org.eclipse.digitaltwin.aas4j.v3.model.Reference;
import org.eclipse.digitaltwin.aas4j.v3.model.Resource;
import org.eclipse.digitaltwin.aas4j.v3.model.impl.DefaultResource;
import org.eclipse.digitaltwin.basyx.aasservice.backend.AasBackend;
import org.eclipse.digitaltwin.basyx.aasservice.backend.InMemoryAasBackend;
import org.eclipse.digitaltwin.basyx.core.exceptions.ElementDoesNotExistException;
import org.eclipse.digitaltwin.basyx.core.exceptions.FileDoesNotExistException;
import org.eclipse.digitaltwin.basyx.core.pagination.CursorResult;
import org.eclipse.digitaltwin.basyx.core.pagination.PaginationInfo;
import org.springframework.jdbc.core.JdbcTemplate;

/** Shells; a change replaces the whole (small) row. */
class ShellStore extends IdentifiableStore<AssetAdministrationShell> implements AasBackend {

  ShellStore(Database database) {
    super(database, "shell", AssetAdministrationShell.class);
  }

  @Override
  protected void saveContent(JdbcTemplate jdbc, Chunk chunk, Head head, boolean isNew) {
    if (!isNew) {
      Attachments.deleteUnused(jdbc, head.nr(), Attachments.of(jdbc, head.nr()));
    }
  }

  private AssetAdministrationShell get(String id) {
    return findById(id).orElseThrow(() -> new ElementDoesNotExistException(id));
  }

  /** Reads with BaSyx's own backend on one shell. */
  private InMemoryAasBackend alone(AssetAdministrationShell shell) {
    InMemoryAasBackend backend = new InMemoryAasBackend();
    backend.save(shell);
    return backend;
  }

  private void change(String id, BiConsumer<JdbcTemplate, AssetAdministrationShell> change) {
    database.write(
        jdbc -> {
          Head head = lockIfMatches(jdbc, id);
          AssetAdministrationShell shell = fromRow(head);
          change.accept(jdbc, shell);
          replace(jdbc, head, shell, chunk(shell));
        });
  }

  private static Optional<String> thumbnail(AssetAdministrationShell shell) {
    return Optional.ofNullable(shell.getAssetInformation())
        .map(AssetInformation::getDefaultThumbnail)
        .map(Resource::getPath);
  }

  /**
   * @return a copy of the thumbnail, until the request ends
   */
  File thumbnailOf(String id) {
    String value = thumbnail(get(id)).orElseThrow(FileDoesNotExistException::new);
    return database.read(jdbc -> Attachments.copy(jdbc, value));
  }

  void setThumbnail(String id, String fileName, String contentType, InputStream content) {
    change(
        id,
        (jdbc, shell) -> {
          Resource thumbnail = new DefaultResource();
          thumbnail.setPath(Attachments.save(jdbc, existing(jdbc, id).nr(), id, fileName, content));
          thumbnail.setContentType(contentType);
          information(shell).setDefaultThumbnail(thumbnail);
        });
  }

  void deleteThumbnail(String id) {
    change(
        id,
        (jdbc, shell) -> {
          if (information(shell).getDefaultThumbnail() == null) {
            throw new FileDoesNotExistException();
          }
          information(shell).setDefaultThumbnail(null);
        });
  }

  private static AssetInformation information(AssetAdministrationShell shell) {
    if (shell.getAssetInformation() == null) {
      throw new IllegalArgumentException("The shell has no asset information to hold a thumbnail");
    }
    return shell.getAssetInformation();
  }

  @Override
  public CursorResult<List<Reference>> getSubmodelReferences(String id, PaginationInfo wanted) {
    return alone(get(id)).getSubmodelReferences(id, wanted);
  }

  @Override
  public void addSubmodelReference(String id, Reference submodel) {
    change(id, (jdbc, shell) -> alone(shell).addSubmodelReference(id, submodel));
  }

  @Override
  public void removeSubmodelReference(String id, String submodelId) {
    change(id, (jdbc, shell) -> alone(shell).removeSubmodelReference(id, submodelId));
  }

  @Override
  public void setAssetInformation(String id, AssetInformation information) {
    change(id, (jdbc, shell) -> shell.setAssetInformation(information));
  }

  @Override
  public AssetInformation getAssetInformation(String id) {
    return get(id).getAssetInformation();
  }
}
