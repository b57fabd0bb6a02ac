package twin.store;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Set;

/**
 * The file operations of the store. Each returns only once its effect would survive a power cut
 * (unless fsync is off).
 */
final class Disk {

  static final String TEMPORARY = ".tmp";

  private static final boolean FOLDERS_CAN_BE_SYNCED =
      !System.getProperty("os.name").startsWith("Windows");

  private final boolean fsync;

  Disk(boolean fsync) {
    this.fsync = fsync;
  }

  /** Writes the content beside the file, ready to be put in its place by {@link #publish}. */
  Path stage(Path file, byte[] content) throws IOException {
    Path temporary = file.resolveSibling(file.getFileName() + TEMPORARY);
    try (FileChannel channel =
        FileChannel.open(
            temporary,
            StandardOpenOption.CREATE,
            StandardOpenOption.WRITE,
            StandardOpenOption.TRUNCATE_EXISTING)) {
      writeFully(channel, ByteBuffer.wrap(content));
      sync(channel);
    } catch (IOException e) {
      Files.deleteIfExists(temporary);
      throw e;
    }
    return temporary;
  }

  /**
   * Puts the staged content in the file's place: after a crash the file is the old or the new one.
   */
  void publish(Path temporary, Path file) throws IOException {
    try {
      Files.move(
          temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      Files.deleteIfExists(temporary);
      throw e;
    }
    syncFolder(file.getParent());
  }

  void replace(Path file, byte[] content) throws IOException {
    publish(stage(file, content), file);
  }

  /** Writes a file that must not exist yet; a failed one is taken away again. */
  void create(Path file, InputStream content) throws IOException {
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      byte[] buffer = new byte[64 * 1024];
      for (int n = content.read(buffer); n >= 0; n = content.read(buffer)) {
        writeFully(channel, ByteBuffer.wrap(buffer, 0, n));
      }
      sync(channel);
    } catch (IOException e) {
      Files.deleteIfExists(file);
      throw e;
    }
    syncFolder(file.getParent());
  }

  /** Cuts the file to {@code length} bytes and appends the content. */
  void append(Path file, long length, byte[] content) throws IOException {
    boolean isNew = length == 0;
    Set<StandardOpenOption> options =
        isNew
            ? Set.of(StandardOpenOption.WRITE, StandardOpenOption.CREATE)
            : Set.of(StandardOpenOption.WRITE);
    try (FileChannel channel = FileChannel.open(file, options)) {
      if (channel.size() < length) {
        throw new IOException("somebody else has cut or deleted it");
      }
      channel.truncate(length);
      channel.position(length);
      try {
        writeFully(channel, ByteBuffer.wrap(content));
        sync(channel);
      } catch (IOException e) {
        channel.truncate(length);
        throw e;
      }
    }
    if (isNew) {
      syncFolder(file.getParent());
    }
  }

  void delete(Path file) throws IOException {
    if (Files.deleteIfExists(file)) {
      syncFolder(file.getParent());
    }
  }

  void createFolder(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      Files.createDirectories(folder);
      syncFolder(folder.getParent());
    }
  }

  private static void writeFully(FileChannel channel, ByteBuffer content) throws IOException {
    while (content.hasRemaining()) {
      channel.write(content);
    }
  }

  private void sync(FileChannel channel) throws IOException {
    if (fsync) {
      channel.force(false);
    }
  }

  private void syncFolder(Path folder) throws IOException {
    if (fsync && FOLDERS_CAN_BE_SYNCED) {
      try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
        channel.force(true);
      }
    }
  }
}
