package twin.store;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Collectors;

/** Names that fit into an index or a file name, whatever the id or idShort they are made of. */
final class Names {

  private static final int LONGEST = 200;

  private Names() {}

  /**
   * The text itself; a long one, or one with characters no database takes, shortened and hashed.
   */
  static String key(String text) {
    if (text == null || text.length() <= LONGEST && text.indexOf('\0') < 0) {
      return text;
    }
    return text.substring(0, Math.min(LONGEST, text.length()))
            .replace('\0', ' ')
            .replaceAll("[\\ud800-\\udbff]$", "")
        + "#"
        + hash(text, 32);
  }

  static String hash(String text, int bytes) {
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(digest, 0, bytes);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("Every Java has SHA-256", e);
    }
  }

  /** https://battery-twin.example/ids/sm/B0005/Prediction becomes B0005-Prediction.45d8…. */
  static String readable(String id) {
    List<String> parts =
        Arrays.stream(id.split("[^A-Za-z0-9._-]+")).filter(part -> !part.isEmpty()).toList();
    String end =
        parts.stream().skip(Math.max(0, parts.size() - 2)).collect(Collectors.joining("-"));
    String name = end.substring(Math.max(0, end.length() - 60)).replaceAll("^[^A-Za-z0-9]+", "");
    return (name.isEmpty() ? "id" : name) + "." + hash(id, 6);
  }
}
