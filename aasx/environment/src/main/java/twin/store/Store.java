package twin.store;

/** The twin's content in its database. */
public record Store(
    Database database,
    ShellStore shells,
    SubmodelStore submodels,
    ConceptDescriptionStore conceptDescriptions)
    implements AutoCloseable {

  /**
   * Opens the store; makes a new one, or takes over that of a version-1 folder, where there is
   * none.
   *
   * @throws StoreException if it cannot be opened; then nothing was changed
   */
  static Store open(StoreSettings settings) {
    Database database = new Database(settings, true);
    try {
      Store store =
          new Store(
              database,
              new ShellStore(database),
              new SubmodelStore(database),
              new ConceptDescriptionStore(database));
      new VersionOneFolder(settings.dir(), store).takeOver();
      return store;
    } catch (RuntimeException e) {
      database.close();
      throw e;
    }
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
