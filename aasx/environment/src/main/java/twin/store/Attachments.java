package twin.store;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;
import org.eclipse.digitaltwin.basyx.core.exceptions.FileDoesNotExistException;
import org.springframework.http.HttpStatus;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.util.FileSystemUtils;
import org.springframework.web.context.request.RequestAttributes;
import org.springframework.web.context.request.RequestContextHolder;

/**
 * The files of File elements and thumbnails, in rows of the database. A file's value is {@code
 * files/<name>.<unique>.<ending>}, given by the store (in version 1 with a name of the owner before
 * the slash); any other value names no file here, and none is a path of this machine. A file is
 * never overwritten: new content gets a new value.
 */
final class Attachments {

  private static final int LONGEST_NAME = 80;
  private static final int PART_BYTES = 256 << 10;

  private Attachments() {}

  /**
   * @param owner nr of the submodel or shell
   */
  static void save(JdbcTemplate jdbc, long owner, String value, InputStream content) {
    String insert = "INSERT INTO attachment (owner, value) VALUES (?, ?) RETURNING nr";
    long nr = jdbc.queryForObject(insert, Long.class, owner, value);
    try {
      byte[] part = content.readNBytes(PART_BYTES);
      for (int number = 0; number == 0 || part.length > 0; number++) {
        jdbc.update(
            "INSERT INTO part (attachment, number, content) VALUES (?, ?, ?)", nr, number, part);
        part = content.readNBytes(PART_BYTES);
      }
    } catch (IOException e) {
      throw new StoreException(
          "The file could not be received (" + e.getMessage() + ")", "Send it again.", e);
    }
  }

  /** A value that no file has yet. */
  static String newValue(String fileName) {
    String name =
        fileName == null
            ? ""
            : fileName.substring(fileName.replace('\\', '/').lastIndexOf('/') + 1);
    name = name.replaceAll("[^A-Za-z0-9._-]", "_").replaceAll("^[^A-Za-z0-9]+", "");
    int dot = name.lastIndexOf('.');
    String ending =
        dot > 0 && name.substring(dot).matches("\\.[A-Za-z0-9]{1,10}") ? name.substring(dot) : "";
    String stem = name.substring(0, name.length() - ending.length());
    stem = stem.isEmpty() ? "file" : stem.substring(0, Math.min(stem.length(), LONGEST_NAME));
    return "files/" + stem + "." + Names.hash(UUID.randomUUID().toString(), 6) + ending;
  }

  static Optional<Long> find(JdbcTemplate jdbc, String value) {
    return jdbc
        .queryForList("SELECT nr FROM attachment WHERE value = ?", Long.class, Names.key(value))
        .stream()
        .findFirst();
  }

  /**
   * Deletes those files of the owner that nothing of it names any longer.
   *
   * @param values that something which was changed or deleted had
   */
  static void deleteUnused(JdbcTemplate jdbc, long owner, Collection<String> values) {
    String unused =
        "SELECT nr FROM attachment WHERE value = ? AND owner = ? AND NOT EXISTS (SELECT 1"
            + " FROM element e WHERE e.owner = attachment.owner AND e.json LIKE '%' || value || '%')"
            + " AND NOT EXISTS (SELECT 1"
            + " FROM identifiable i WHERE i.nr = attachment.owner AND i.json LIKE '%' || value || '%')";
    for (String value : values) {
      jdbc.queryForList(unused, Long.class, value, owner).forEach(nr -> delete(jdbc, "nr = ?", nr));
    }
  }

  static void deleteOf(JdbcTemplate jdbc, long owner) {
    delete(jdbc, "owner = ?", owner);
  }

  private static void delete(JdbcTemplate jdbc, String which, long nr) {
    String all = "DELETE FROM part WHERE attachment IN (SELECT nr FROM attachment WHERE %s)";
    jdbc.update(all.formatted(which), nr);
    jdbc.update("DELETE FROM attachment WHERE " + which, nr);
  }

  /** The values of all files of the owner. */
  static List<String> of(JdbcTemplate jdbc, long owner) {
    return jdbc.queryForList("SELECT value FROM attachment WHERE owner = ?", String.class, owner);
  }

  /**
   * Copies a file out of the database for the request under way, with whose end the copy goes.
   *
   * @throws FileDoesNotExistException if the value names none of the store
   */
  static File copy(JdbcTemplate jdbc, String value) {
    long nr = find(jdbc, value).orElseThrow(FileDoesNotExistException::new);
    String content = "SELECT content FROM part WHERE attachment = ? ORDER BY number";
    try {
      Path folder = Files.createTempDirectory("twin-attachment");
      Path file = folder.resolve(value.substring(value.indexOf('/') + 1));
      removeWithRequest(file);
      try (OutputStream out = Files.newOutputStream(file);
          Stream<byte[]> parts = jdbc.queryForStream(content, (row, i) -> row.getBytes(1), nr)) {
        for (byte[] part : (Iterable<byte[]>) parts::iterator) {
          out.write(part);
        }
      }
      return file.toFile();
    } catch (IOException e) {
      throw new StoreException(
          HttpStatus.INSUFFICIENT_STORAGE,
          "The file could not be copied out of the store (" + e.getMessage() + ")",
          "See that the disk of " + System.getProperty("java.io.tmpdir") + " is not full.",
          e);
    }
  }

  private static void removeWithRequest(Path file) {
    RequestAttributes request = RequestContextHolder.getRequestAttributes();
    if (request == null) {
      file.getParent().toFile().deleteOnExit();
      file.toFile().deleteOnExit();
    } else {
      Runnable remove =
          () -> {
            if (!FileSystemUtils.deleteRecursively(file.getParent().toFile())) {
              file.toFile().deleteOnExit(); // it is being read still
            }
          };
      request.registerDestructionCallback(file.toString(), remove, RequestAttributes.SCOPE_REQUEST);
    }
  }
}
