package twin.store;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.eclipse.digitaltwin.aas4j.v3.model.Identifiable;

/**
 * A folder with one JSON file per identifiable, named after the end of its id so that a person
 * finds it.
 */
final class Documents<T extends Identifiable> {

  private static final String ENDING = ".json";

  private final Path folder;
  private final Class<T> type;
  private final Disk disk;
  private final Map<String, Path> files = new ConcurrentHashMap<>();

  Documents(Path folder, Class<T> type, Disk disk) {
    this.folder = folder;
    this.type = type;
    this.disk = disk;
  }

  /** A document as it lies on the disk. */
  record Document<T>(Path file, byte[] content, T object) {}

  /** Reads all documents and changes nothing. */
  List<Document<T>> read() throws IOException {
    disk.createFolder(folder);
    List<Path> found;
    try (Stream<Path> list = Files.list(folder)) {
      found = list.filter(file -> file.toString().endsWith(ENDING)).sorted().toList();
    }
    List<Document<T>> documents = found.parallelStream().map(this::read).toList();
    for (Document<T> document : documents) {
      Path other = files.put(document.object().getId(), document.file());
      if (other != null) {
        throw StoreException.damaged(
            document.file(), "it has the same id as " + other.getFileName(), null);
      }
    }
    return documents;
  }

  private Document<T> read(Path file) {
    try {
      byte[] content = Files.readAllBytes(file);
      T object = Json.read(content, type);
      if (object == null || object.getId() == null || object.getId().isBlank()) {
        throw new IOException("it has no id");
      }
      return new Document<>(file, content, object);
    } catch (IOException | RuntimeException e) {
      throw StoreException.damaged(file, firstLine(e), e);
    }
  }

  static String firstLine(Exception e) {
    return String.valueOf(e.getMessage()).lines().findFirst().orElse(e.toString());
  }

  /**
   * Writes the object; returns it as it will be read again, and shares nothing with the one given.
   */
  T write(T object) {
    Path file = fileOf(object.getId());
    try {
      byte[] content = Json.indented(object);
      T stored = Json.read(content, type);
      disk.replace(file, content);
      files.put(object.getId(), file);
      return stored;
    } catch (IOException e) {
      throw StoreException.notWritten(file, e);
    }
  }

  void delete(String id) {
    Path file = fileOf(id);
    try {
      disk.delete(file);
      files.remove(id);
    } catch (IOException e) {
      throw StoreException.notWritten(file, e);
    }
  }

  /** Notes where the document of this id lies, once it is written. */
  void place(String id, Path file) {
    files.put(id, file);
  }

  /**
   * @return the file of this id, whether it exists already or not
   */
  Path fileOf(String id) {
    Path known = files.get(id);
    return known != null ? known : folder.resolve(readableName(id) + "." + hash(id) + ENDING);
  }

  /**
   * @return the file's name without its ending: the folder of the attachments of this id
   */
  String nameOf(String id) {
    String name = fileOf(id).getFileName().toString();
    return name.substring(0, name.length() - ENDING.length());
  }

  /** Deletes what a crash left of unfinished writes. */
  void removeLeftovers() throws IOException {
    try (Stream<Path> list = Files.list(folder)) {
      for (Path file : list.filter(f -> f.toString().endsWith(ENDING + Disk.TEMPORARY)).toList()) {
        disk.delete(file);
      }
    }
  }

  /** https://battery-twin.example/ids/sm/B0005/Prediction becomes B0005-Prediction. */
  private static String readableName(String id) {
    List<String> parts =
        Arrays.stream(id.split("[^A-Za-z0-9._-]+")).filter(part -> !part.isEmpty()).toList();
    String end =
        parts.stream().skip(Math.max(0, parts.size() - 2)).collect(Collectors.joining("-"));
    String name = end.replaceAll("^[^A-Za-z0-9]+", "");
    return name.isEmpty()
        ? "id"
        : name.substring(Math.max(0, name.length() - 60)).replaceAll("^[^A-Za-z0-9]+", "x");
  }

  private static String hash(String id) {
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-256").digest(id.getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(digest, 0, 6);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("Every Java has SHA-256", e);
    }
  }
}
