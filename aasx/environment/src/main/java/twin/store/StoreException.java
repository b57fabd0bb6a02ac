package twin.store;

/** The store could not be opened, or a change did not reach the disk (and so did not happen). */
public class StoreException extends RuntimeException {

  private final String remedy;

  StoreException(String message, String remedy, Throwable cause) {
    super(message, cause);
    this.remedy = remedy;
  }

  /** What a person can do about it. */
  public String remedy() {
    return remedy;
  }

  static StoreException damaged(Object file, String why, Throwable cause) {
    return new StoreException(
        "The file " + file + " of the store is damaged: " + why,
        "Nothing was changed. Put back this file from a backup, or move it out of the store to go on"
            + " without what it holds; in both cases together with its .json or .journal file.",
        cause);
  }

  static StoreException notWritten(Object file, Throwable cause) {
    return new StoreException(
        "The change was not stored and did not happen: "
            + file
            + " could not be written ("
            + cause.getMessage()
            + ")",
        "See that the disk is not full and that its folder may be written.",
        cause);
  }
}
