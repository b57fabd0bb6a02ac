package twin.store;

import org.springframework.http.HttpStatus;

/** The store could not be opened, or a request could not be carried out (and changed nothing). */
public class StoreException extends RuntimeException {

  private final HttpStatus status;
  private final String remedy;

  StoreException(HttpStatus status, String message, String remedy, Throwable cause) {
    super(message, cause);
    this.status = status;
    this.remedy = remedy;
  }

  StoreException(String message, String remedy, Throwable cause) {
    this(HttpStatus.INTERNAL_SERVER_ERROR, message, remedy, cause);
  }

  static StoreException refused(String message, String remedy) {
    return new StoreException(HttpStatus.BAD_REQUEST, message, remedy, null);
  }

  static StoreException tooLarge(String message, String remedy) {
    return new StoreException(HttpStatus.PAYLOAD_TOO_LARGE, message, remedy, null);
  }

  /** What the caller of the API is answered with. */
  HttpStatus status() {
    return status;
  }

  /** What a person can do about it. */
  public String remedy() {
    return remedy;
  }
}
