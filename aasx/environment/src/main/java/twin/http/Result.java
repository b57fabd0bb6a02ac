package twin.http;

import java.util.List;
import java.util.Map;

/** A Result of the AAS API (IDTA-01002, Result): how an error is told to the caller. */
final class Result {

  private Result() {}

  static Map<String, Object> error(String code, String text) {
    return Map.of("messages", List.of(Map.of("messageType", "Error", "code", code, "text", text)));
  }
}
