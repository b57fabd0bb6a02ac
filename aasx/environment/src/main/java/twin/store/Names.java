package twin.store;

import org.apache.commons.codec.digest.DigestUtils;

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
    return DigestUtils.sha256Hex(text).substring(0, 2 * bytes);
  }
}
