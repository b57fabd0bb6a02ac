package twin.store;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.eclipse.digitaltwin.basyx.core.exceptions.FileDoesNotExistException;
import org.eclipse.digitaltwin.basyx.core.filerepository.FileMetadata;
import org.eclipse.digitaltwin.basyx.core.filerepository.FileRepository;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The files of File elements and thumbnails: {@code attachments/<document of the
 * owner>/<name>.<unique>.<ending>}. The value of the element is the path below {@code attachments};
 * a value of any other form names no file here, so none can lead out of the store. A file is never
 * overwritten: new content gets a new name, and the element's change of value is what makes it
 * count.
 */
public class Attachments implements FileRepository {

  private static final Logger LOG = LoggerFactory.getLogger(Attachments.class);
  private static final String NAME = "[A-Za-z0-9][A-Za-z0-9._-]*";
  private static final Pattern VALUE =
      Pattern.compile("(" + NAME + ")/(" + NAME + "\\.[0-9a-f]{12}(\\.[A-Za-z0-9]+)?)");
  private static final int LONGEST_NAME = 80;

  /** A reader may have been told the name just before the file was replaced. */
  private static final int SECONDS_FOR_READERS = 10;

  private final Path folder;
  private final Disk disk;
  private final Set<String> released = ConcurrentHashMap.newKeySet();
  private final ScheduledExecutorService cleaner =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            Thread thread = new Thread(task, "attachments");
            thread.setDaemon(true);
            return thread;
          });

  Attachments(Path folder, Disk disk) {
    this.folder = folder;
    this.disk = disk;
  }

  /**
   * Stores a file; it is kept over a restart only if an element or a thumbnail has its value by
   * then.
   *
   * @param owner name of the document the file belongs to
   * @return the value for the element
   */
  String save(String owner, String fileName, InputStream content) {
    String value = owner + "/" + uniqueName(fileName);
    Path file = folder.resolve(value);
    try {
      disk.createFolder(folder);
      disk.createFolder(file.getParent());
      disk.create(file, content);
    } catch (IOException e) {
      throw StoreException.notWritten(file, e);
    }
    return value;
  }

  /**
   * @return the file that an element's value names, if it names one of the store
   */
  Optional<Path> file(String value) {
    if (value == null || !VALUE.matcher(value).matches()) {
      return Optional.empty();
    }
    Path file = folder.resolve(value);
    boolean own =
        Files.isDirectory(file.getParent(), LinkOption.NOFOLLOW_LINKS)
            && Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS);
    return own ? Optional.of(file) : Optional.empty();
  }

  boolean belongsTo(String owner, String value) {
    Matcher matcher = VALUE.matcher(value);
    return matcher.matches() && matcher.group(1).equals(owner);
  }

  /** Deletes a file that no element ever named. */
  void discard(String value) {
    released.add(value);
    deleteReleased(value);
  }

  /**
   * Deletes a file that no element names any longer, as soon as no reader can be about to open it.
   */
  void release(String value) {
    released.add(value);
    cleaner.schedule(() -> deleteReleased(value), SECONDS_FOR_READERS, TimeUnit.SECONDS);
  }

  private void deleteReleased(String value) {
    if (released.remove(value)) {
      try {
        Files.deleteIfExists(folder.resolve(value));
      } catch (IOException e) {
        LOG.warn(
            "The attachment {} is no longer used, but could not be deleted: {}",
            value,
            e.getMessage());
      }
    }
  }

  /** Deletes what no element or thumbnail names: leftovers of a crash. */
  void removeAllBut(Set<String> used) throws IOException {
    if (!Files.isDirectory(folder)) {
      return;
    }
    try (Stream<Path> all = Files.walk(folder, 2)) {
      for (Path file :
          all.filter(f -> Files.isRegularFile(f, LinkOption.NOFOLLOW_LINKS)).toList()) {
        String value = folder.relativize(file).toString().replace(File.separatorChar, '/');
        if (VALUE.matcher(value).matches() && !used.contains(value)) {
          LOG.info("Removing the attachment {}, which nothing names", value);
          Files.delete(file);
        }
      }
    }
  }

  void close() {
    cleaner.shutdownNow();
    Set.copyOf(released).forEach(this::deleteReleased);
  }

  private static String uniqueName(String fileName) {
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
    byte[] unique = new byte[6];
    ThreadLocalRandom.current().nextBytes(unique);
    return stem + "." + HexFormat.of().formatHex(unique) + ending;
  }

  @Override
  public String save(FileMetadata metadata) {
    String value = save("files", metadata.getFileName(), metadata.getFileContent());
    metadata.setFileName(value);
    return value;
  }

  @Override
  public InputStream find(String value) {
    try {
      return Files.newInputStream(file(value).orElseThrow(FileDoesNotExistException::new));
    } catch (IOException e) {
      throw new FileDoesNotExistException();
    }
  }

  @Override
  public void delete(String value) {
    if (!exists(value)) {
      throw new FileDoesNotExistException();
    }
    release(value);
  }

  @Override
  public boolean exists(String value) {
    return file(value).isPresent();
  }
}
