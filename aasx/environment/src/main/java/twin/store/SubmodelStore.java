package twin.store;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.eclipse.digitaltwin.aas4j.v3.model.File;
import org.eclipse.digitaltwin.aas4j.v3.model.Submodel;
import org.eclipse.digitaltwin.aas4j.v3.model.SubmodelElement;
import org.eclipse.digitaltwin.basyx.core.exceptions.ElementDoesNotExistException;
import org.eclipse.digitaltwin.basyx.core.exceptions.ElementNotAFileException;
import org.eclipse.digitaltwin.basyx.core.exceptions.FileDoesNotExistException;
import org.eclipse.digitaltwin.basyx.submodelservice.InMemorySubmodelBackend;
import org.eclipse.digitaltwin.basyx.submodelservice.value.SubmodelElementValue;
import org.eclipse.digitaltwin.basyx.submodelservice.value.factory.SubmodelElementValueMapperFactory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import twin.store.Documents.Document;

/**
 * Submodels, read from memory and written through to the disk. A submodel in memory is never
 * changed: a change makes a new version, notes itself in the submodel's journal, and then the new
 * version takes the place of the old one. So a reader sees a change whole or not at all, and one
 * that the disk refused never happened.
 */
public class SubmodelStore extends InMemorySubmodelBackend {

  private static final Logger LOG = LoggerFactory.getLogger(SubmodelStore.class);

  /** A journal this long, and longer than its document, is worked into the document. */
  private static final long LONG_JOURNAL_BYTES = 1 << 20;

  private final Path folder;
  private final Disk disk;
  private final Documents<Submodel> documents;
  private final Attachments attachments;
  private final Map<String, Journal> journals = new ConcurrentHashMap<>();

  /** One writer at a time per submodel; submodels with the same hash share a lock. */
  private final Object[] locks = IntStream.range(0, 64).mapToObj(i -> new Object()).toArray();

  SubmodelStore(Path folder, Disk disk, Attachments attachments) {
    this.folder = folder;
    this.disk = disk;
    this.documents = new Documents<>(folder, Submodel.class, disk);
    this.attachments = attachments;
  }

  /** Reads all submodels and changes nothing on the disk. */
  void load() throws IOException {
    documents.read().parallelStream().forEach(this::load);
  }

  private void load(Document<Submodel> document) {
    Journal journal = new Journal(document.file(), document.content(), disk);
    Submodel submodel = document.object();
    try {
      for (Change change : journal.read()) {
        submodel = change.applyTo(submodel);
      }
    } catch (StoreException e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      throw StoreException.damaged(journal.file(), Documents.firstLine(e), e);
    }
    journals.put(submodel.getId(), journal);
    super.save(submodel);
  }

  void removeLeftovers() throws IOException {
    documents.removeLeftovers();
    Set<Path> known = new HashSet<>();
    journals.values().forEach(journal -> known.add(journal.file()));
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.filter(f -> Journal.isJournal(f) && !known.contains(f)).toList()) {
        disk.delete(file);
      }
    }
  }

  /** Works all journals into their documents. */
  void close() {
    journals.forEach(
        (id, journal) -> {
          synchronized (lock(id)) {
            if (journal.length() > 0) {
              tidy(id, findById(id).orElseThrow());
            }
          }
        });
  }

  private Object lock(String id) {
    return locks[Math.floorMod(id.hashCode(), locks.length)];
  }

  private Submodel get(String id) {
    return findById(id).orElseThrow(() -> new ElementDoesNotExistException(id));
  }

  /** Makes the change while no other writer can, stores it and shows it to readers. */
  private void change(String id, Supplier<Change> wanted) {
    synchronized (lock(id)) {
      Submodel before = get(id);
      Journal journal = journals.get(id);
      SubmodelElement replaced;
      Submodel after;
      try {
        byte[] json = wanted.get().toJson();
        Change change = Change.fromJson(json); // what is kept in memory is what would be read again
        replaced = change.kind() == Change.Kind.add ? null : getSubmodelElement(id, change.path());
        after = change.applyTo(before);
        journal.append(json);
      } catch (IOException e) {
        throw StoreException.notWritten(journal.file(), e);
      }
      super.save(after);
      if (replaced != null) {
        releaseAttachments(documents.nameOf(id), List.of(replaced), after.getSubmodelElements());
      }
      if (journal.length() > Math.max(LONG_JOURNAL_BYTES, journal.documentLength())) {
        tidy(id, after);
      }
    }
  }

  /**
   * Every change is safe in the journal already, so a document that cannot be written just now is
   * no failure.
   */
  private void tidy(String id, Submodel submodel) {
    try {
      byte[] content = Json.indented(submodel);
      Json.read(content, Submodel.class);
      writeDocument(submodel, content);
    } catch (IOException e) {
      LOG.warn("The journal of {} could not be worked into its document: {}", id, e.getMessage());
    }
  }

  private void writeDocument(Submodel submodel, byte[] content) throws IOException {
    String id = submodel.getId();
    Path document = documents.fileOf(id);
    Path staged = disk.stage(document, content);
    Journal journal = journals.get(id);
    try {
      if (journal == null) {
        disk.delete(Journal.fileOf(document)); // of a deleted submodel with the same id
      } else {
        journal.announce(content);
      }
    } catch (IOException e) {
      Files.deleteIfExists(staged);
      throw e;
    }
    disk.publish(staged, document);
    documents.place(id, document);
    try {
      Files.deleteIfExists(Journal.fileOf(document));
      journals.put(id, new Journal(document, content, disk));
    } catch (IOException e) {
      LOG.warn(
          "The finished journal of {} could not be deleted and is continued: {}",
          id,
          e.getMessage());
    }
  }

  private void releaseAttachments(
      String owner, List<SubmodelElement> before, List<SubmodelElement> after) {
    Set<String> unused = new HashSet<>(fileValues(before));
    unused.removeIf(value -> !attachments.belongsTo(owner, value));
    if (!unused.isEmpty()) {
      unused.removeAll(fileValues(after));
      unused.forEach(attachments::release);
    }
  }

  /**
   * @return the values of all File elements, at whatever depth
   */
  static Set<String> fileValues(List<SubmodelElement> elements) {
    Set<String> values = new HashSet<>();
    ElementTree.visit(
        elements,
        element -> {
          if (element instanceof File file && file.getValue() != null) {
            values.add(file.getValue());
          }
        });
    return values;
  }

  @Override
  public <S extends Submodel> S save(S submodel) {
    String id = submodel.getId();
    synchronized (lock(id)) {
      Submodel stored;
      try {
        byte[] content = Json.indented(submodel);
        stored = Json.read(content, Submodel.class);
        writeDocument(submodel, content);
      } catch (IOException e) {
        throw StoreException.notWritten(documents.fileOf(id), e);
      }
      List<SubmodelElement> before =
          findById(id).map(Submodel::getSubmodelElements).orElse(List.of());
      super.save(stored);
      releaseAttachments(documents.nameOf(id), before, stored.getSubmodelElements());
    }
    return submodel;
  }

  @Override
  public void deleteById(String id) {
    synchronized (lock(id)) {
      List<SubmodelElement> before = get(id).getSubmodelElements();
      String owner = documents.nameOf(id);
      documents.delete(id);
      super.deleteById(id);
      releaseAttachments(owner, before, List.of());
      Journal journal = journals.remove(id);
      try {
        Files.deleteIfExists(journal.file());
      } catch (IOException e) {
        LOG.warn(
            "The journal of the deleted {} is left for the next start to remove: {}",
            id,
            e.getMessage());
      }
    }
  }

  @Override
  public void setSubmodelElementValue(String id, String path, SubmodelElementValue value) {
    change(id, () -> new Change(Change.Kind.put, path, withValue(id, path, value)));
  }

  @SuppressWarnings("unchecked")
  private SubmodelElement withValue(String id, String path, SubmodelElementValue value) {
    SubmodelElement copy = Json.copy(getSubmodelElement(id, path), SubmodelElement.class);
    SubmodelElementValueMapperFactory.create(copy).setValue(value);
    return copy;
  }

  /**
   * Names the attachment of a File element.
   *
   * @param value as given by {@link Attachments}, or {@code null} to take the attachment away
   * @throws FileDoesNotExistException if there is no attachment to take away
   */
  void setAttachment(String id, String path, String value) {
    change(
        id,
        () -> {
          File file = ElementTree.shallowCopy(fileElement(id, path));
          if (value == null && attachments.file(file.getValue()).isEmpty()) {
            throw new FileDoesNotExistException();
          }
          file.setValue(value);
          return new Change(Change.Kind.put, path, file);
        });
  }

  File fileElement(String id, String path) {
    if (getSubmodelElement(id, path) instanceof File file) {
      return file;
    }
    throw new ElementNotAFileException(path);
  }

  /**
   * @return the name under which the attachments of this submodel are kept
   */
  String attachmentOwner(String id) {
    return documents.nameOf(id);
  }

  @Override
  public void createSubmodelElement(String id, SubmodelElement element) {
    change(id, () -> new Change(Change.Kind.add, "", element));
  }

  @Override
  public void createSubmodelElement(String id, String path, SubmodelElement element) {
    change(id, () -> new Change(Change.Kind.add, path, element));
  }

  @Override
  public void updateSubmodelElement(String id, String path, SubmodelElement element) {
    change(id, () -> new Change(Change.Kind.put, path, element));
  }

  @Override
  public void deleteSubmodelElement(String id, String path) {
    change(id, () -> new Change(Change.Kind.remove, path, null));
  }

  @Override
  public void patchSubmodelElements(String id, List<SubmodelElement> elements) {
    synchronized (lock(id)) {
      Submodel copy = ElementTree.shallowCopy(get(id));
      copy.setSubmodelElements(elements);
      save(copy);
    }
  }

  @Override
  public void delete(Submodel submodel) {
    deleteById(submodel.getId());
  }

  @Override
  public void deleteAllById(Iterable<? extends String> ids) {
    ids.forEach(this::deleteById);
  }

  @Override
  public void deleteAll(Iterable<? extends Submodel> submodels) {
    submodels.forEach(this::delete);
  }

  @Override
  public void deleteAll() {
    deleteAll(findAll());
  }
}
