package twin.http;

import java.util.List;
import java.util.Map;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;

/** A Result of the AAS API (IDTA-01002, Result): how an error is told to the caller. */
public final class Result {

  private Result() {}

  static Map<String, Object> error(String code, String text) {
    return Map.of("messages", List.of(Map.of("messageType", "Error", "code", code, "text", text)));
  }

  public static ResponseEntity<Map<String, Object>> answer(HttpStatus status, String text) {
    return ResponseEntity.status(status)
        .contentType(MediaType.APPLICATION_JSON)
        .body(error(String.valueOf(status.value()), text));
  }
}
