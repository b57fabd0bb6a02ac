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
import org.eclipse.digitaltwin.basyx.aasrepository.AasRepository;
import org.eclipse.digitaltwin.basyx.aasservice.backend.InMemoryAasBackend;
import org.eclipse.digitaltwin.basyx.core.exceptions.FileDoesNotExistException;
import org.eclipse.digitaltwin.basyx.core.pagination.CursorResult;
import org.eclipse.digitaltwin.basyx.core.pagination.PaginationInfo;
import org.springframework.jdbc.core.JdbcTemplate;

/** Shells; a change replaces the whole (small) row. */
class ShellStore extends IdentifiableStore<AssetAdministrationShell> implements AasRepository {

  ShellStore(Database database) {
    super(database, "shell", AssetAdministrationShell.class);
  }

  @Override
  public CursorResult<List<AssetAdministrationShell>> getAllAas(PaginationInfo wanted) {
    return page(wanted);
  }

  @Override
  public AssetAdministrationShell getAas(String id) {
    return get(id);
  }

  @Override
  public void createAas(AssetAdministrationShell shell) {
    create(shell);
  }

  @Override
  public void updateAas(String id, AssetAdministrationShell shell) {
    replace(id, shell);
  }

  @Override
  public void deleteAas(String id) {
    delete(id);
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

  // ---- references to submodels: as BaSyx's own backend does it, on one shell

  private InMemoryAasBackend alone(AssetAdministrationShell shell) {
    InMemoryAasBackend backend = new InMemoryAasBackend();
    backend.save(shell);
    return backend;
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

  // ---- asset information

  @Override
  public AssetInformation getAssetInformation(String id) {
    return get(id).getAssetInformation();
  }

  @Override
  public void setAssetInformation(String id, AssetInformation information) {
    change(id, (jdbc, shell) -> shell.setAssetInformation(information));
  }

  private static AssetInformation information(AssetAdministrationShell shell) {
    if (shell.getAssetInformation() == null) {
      throw new IllegalArgumentException("The shell has no asset information to hold a thumbnail");
    }
    return shell.getAssetInformation();
  }

  /**
   * @return a copy, until the request ends
   */
  @Override
  public File getThumbnail(String id) {
    return database.read(
        jdbc ->
            Optional.ofNullable(fromRow(told(jdbc, id)).getAssetInformation())
                .map(AssetInformation::getDefaultThumbnail)
                .map(thumbnail -> Attachments.copy(jdbc, thumbnail.getPath()))
                .orElseThrow(FileDoesNotExistException::new));
  }

  @Override
  public void setThumbnail(String id, String fileName, String contentType, InputStream content) {
    change(
        id,
        (jdbc, shell) -> {
          Resource thumbnail = new DefaultResource();
          thumbnail.setPath(Attachments.newValue(fileName));
          Attachments.save(jdbc, existing(jdbc, id).nr(), thumbnail.getPath(), content);
          thumbnail.setContentType(contentType);
          information(shell).setDefaultThumbnail(thumbnail);
        });
  }

  @Override
  public void deleteThumbnail(String id) {
    change(
        id,
        (jdbc, shell) -> {
          if (information(shell).getDefaultThumbnail() == null) {
            throw new FileDoesNotExistException();
          }
          information(shell).setDefaultThumbnail(null);
        });
  }
}
