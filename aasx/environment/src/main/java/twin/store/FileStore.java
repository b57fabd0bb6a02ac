package twin.store;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashSet;
import java.util.Set;
import org.eclipse.digitaltwin.aas4j.v3.model.AssetAdministrationShell;
import org.eclipse.digitaltwin.aas4j.v3.model.ConceptDescription;

/**
 * A twin in a folder: {@code shells}, {@code submodels} and {@code concept-descriptions} with one
 * JSON file per identifiable, {@code attachments} with the files, {@code store.json} with the
 * version of this format and {@code lock}, held while an environment runs on the folder.
 */
public final class FileStore implements AutoCloseable {

  private static final String FORMAT = "battery twin store";
  private static final int VERSION = 1;

  private final Path folder;
  private final Disk disk;
  private final FileChannel lock;
  private final ShellStore shells;
  private final SubmodelStore submodels;
  private final ConceptDescriptionStore conceptDescriptions;
  private final Attachments attachments;

  /**
   * Opens the store, or makes a new one of an empty folder.
   *
   * @param fsync whether a change is acknowledged only once it would survive a power cut; without,
   *     only once it would survive the end of this process
   * @throws StoreException if the folder is in use or cannot be written, or holds a damaged file or
   *     a newer format; then nothing was changed
   */
  public FileStore(Path folder, boolean fsync) {
    this.folder = folder.toAbsolutePath().normalize();
    this.disk = new Disk(fsync);
    this.attachments = new Attachments(this.folder.resolve("attachments"), disk);
    this.shells =
        new ShellStore(
            new Documents<>(this.folder.resolve("shells"), AssetAdministrationShell.class, disk),
            attachments);
    this.submodels = new SubmodelStore(this.folder.resolve("submodels"), disk, attachments);
    this.conceptDescriptions =
        new ConceptDescriptionStore(
            new Documents<>(
                this.folder.resolve("concept-descriptions"), ConceptDescription.class, disk));
    try {
      disk.createFolder(this.folder);
      this.lock = lock();
    } catch (IOException e) {
      throw notOpened(e);
    }
    try {
      checkFormat();
      shells.load();
      submodels.load();
      conceptDescriptions.load();
      removeLeftovers();
    } catch (IOException e) {
      unlock();
      throw notOpened(e);
    } catch (RuntimeException e) {
      unlock();
      throw e;
    }
  }

  private StoreException notOpened(IOException e) {
    return new StoreException(
        "The store " + folder + " cannot be opened: " + e,
        "Let this user write the folder, or choose another one with --twin.store.dir.",
        e);
  }

  private FileChannel lock() throws IOException {
    FileChannel channel =
        FileChannel.open(
            folder.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    try {
      if (channel.tryLock() != null) {
        return channel;
      }
    } catch (OverlappingFileLockException inThisProcess) {
      // The same answer as for a lock held by another process.
    }
    channel.close();
    throw new StoreException(
        "The store " + folder + " is in use by another AAS environment",
        "Stop the other one first, or give this one a store of its own with --twin.store.dir.",
        null);
  }

  private void checkFormat() throws IOException {
    Path file = folder.resolve("store.json");
    if (!Files.exists(file)) {
      disk.replace(
          file, Json.indented(Json.object().put("format", FORMAT).put("version", VERSION)));
      return;
    }
    JsonNode json;
    try {
      json = Json.tree(Files.readAllBytes(file));
    } catch (IOException e) {
      throw StoreException.damaged(file, Documents.firstLine(e), e);
    }
    if (!FORMAT.equals(json.path("format").textValue())) {
      throw StoreException.damaged(file, "it does not describe a " + FORMAT, null);
    }
    if (json.path("version").asInt() != VERSION) {
      throw new StoreException(
          "The store "
              + folder
              + " has format version "
              + json.path("version")
              + ", this program reads "
              + VERSION,
          "Start the version of the program that wrote it, export the twin there and import it here.",
          null);
    }
  }

  private void removeLeftovers() throws IOException {
    Files.deleteIfExists(folder.resolve("store.json" + Disk.TEMPORARY));
    shells.removeLeftovers();
    submodels.removeLeftovers();
    conceptDescriptions.removeLeftovers();
    Set<String> used = new HashSet<>();
    submodels
        .findAll()
        .forEach(submodel -> used.addAll(SubmodelStore.fileValues(submodel.getSubmodelElements())));
    shells.findAll().forEach(shell -> ShellStore.thumbnail(shell).ifPresent(used::add));
    attachments.removeAllBut(used);
  }

  public ShellStore shells() {
    return shells;
  }

  public SubmodelStore submodels() {
    return submodels;
  }

  public ConceptDescriptionStore conceptDescriptions() {
    return conceptDescriptions;
  }

  public Attachments attachments() {
    return attachments;
  }

  /** Works the journals into the documents and lets others open the store. */
  @Override
  public void close() {
    submodels.close();
    attachments.close();
    unlock();
  }

  private void unlock() {
    try {
      lock.close();
    } catch (IOException e) {
      throw new StoreException(
          "The lock of " + folder + " could not be released: " + e, "End this process.", e);
    }
  }
}
