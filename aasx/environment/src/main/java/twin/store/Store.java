package twin.store;

import java.nio.file.Path;

/** The twin's content in its database. */
public final class Store implements AutoCloseable {

  private final Database database;
  private final ShellStore shells;
  private final SubmodelStore submodels;
  private final ConceptDescriptionStore conceptDescriptions;

  /**
   * Opens the store; makes a new one, or takes over that of a version-1 folder, where there is
   * none.
   *
   * @param folder where a store of version 1 may lie
   * @throws StoreException if it cannot be opened; then nothing was changed
   */
  Store(Database.Settings settings, Path folder) {
    this.database = new Database(settings);
    this.shells = new ShellStore(database);
    this.submodels = new SubmodelStore(database);
    this.conceptDescriptions = new ConceptDescriptionStore(database);
    try {
      new VersionOneFolder(folder, this).takeOver();
    } catch (RuntimeException e) {
      database.close();
      throw e;
    }
  }

  Database database() {
    return database;
  }

  ShellStore shells() {
    return shells;
  }

  SubmodelStore submodels() {
    return submodels;
  }

  ConceptDescriptionStore conceptDescriptions() {
    return conceptDescriptions;
  }

  /** Makes all changes that come of this in one step: all of them stay, or none. */
  public void write(Runnable changes) {
    database.write(jdbc -> changes.run());
  }

  @Override
  public void close() {
    database.giveBackRoom();
    database.close();
  }
}
