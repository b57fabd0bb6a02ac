package twin.store;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import org.eclipse.digitaltwin.aas4j.v3.model.AssetAdministrationShell;
import org.eclipse.digitaltwin.aas4j.v3.model.ConceptDescription;
import org.eclipse.digitaltwin.aas4j.v3.model.Identifiable;
import org.eclipse.digitaltwin.aas4j.v3.model.Submodel;
import org.eclipse.digitaltwin.aas4j.v3.model.SubmodelElement;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.jdbc.core.JdbcTemplate;

/**
 * Takes over a store of version 1: a folder with one JSON file per identifiable, a journal of
 * changes beside each submodel, and a folder with the attachments. Everything goes into the
 * database in one transaction; the folder is only read, and put aside once all of it is there.
 */
final class VersionOneFolder {

  private static final Logger LOG = LoggerFactory.getLogger(VersionOneFolder.class);
  private static final String MARK = "taken over";
  private static final long TELL_EVERY_NANOS = 5_000_000_000L;

  private final Path folder;
  private final Store store;
  private final Map<String, Long> owners = new HashMap<>();
  private int done;
  private int all;
  private long told = System.nanoTime();

  VersionOneFolder(Path folder, Store store) {
    this.folder = folder.toAbsolutePath().normalize();
    this.store = store;
  }

  /**
   * @throws StoreException if something in the folder is damaged; then nothing was changed
   */
  void takeOver() {
    Path description = folder.resolve("store.json");
    try {
      if (!Files.exists(description) || version(description) != 1) {
        return;
      }
      try (FileChannel lock = lock()) {
        if (!isTaken()) {
          store.database().write(this::read);
        }
        if (isTaken()) {
          putAside(description);
        }
      }
    } catch (IOException e) {
      throw new StoreException(
          "The store of version 1 in " + folder + " cannot be read: " + e,
          "Let this user read the folder; nothing was changed.",
          e);
    }
  }

  private static int version(Path description) {
    try {
      return Json.tree(Files.readAllBytes(description)).path("version").asInt();
    } catch (IOException e) {
      throw damaged(description, e);
    }
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
        "The store of version 1 in " + folder + " is in use by another AAS environment",
        "Stop that one first.",
        null);
  }

  private boolean isTaken() {
    return !store
        .database()
        .read(
            jdbc ->
                jdbc.queryForList(
                    "SELECT 1 FROM store WHERE name = ? AND value = ?", MARK, folder.toString()))
        .isEmpty();
  }

  private void read(JdbcTemplate jdbc) {
    if (jdbc.queryForObject("SELECT COUNT(*) FROM identifiable", Long.class) > 0) {
      LOG.warn("The store of version 1 in {} is left alone: there is content already", folder);
      return;
    }
    try {
      List<Path> shells = documents("shells");
      List<Path> concepts = documents("concept-descriptions");
      List<Path> submodels = documents("submodels");
      all = shells.size() + concepts.size() + submodels.size();
      LOG.info("Taking over the store of version 1 in {}: {} documents", folder, all);
      for (Path file : shells) {
        save(jdbc, file, store.shells(), AssetAdministrationShell.class);
      }
      for (Path file : concepts) {
        save(jdbc, file, store.conceptDescriptions(), ConceptDescription.class);
      }
      for (Path file : submodels) {
        IdentifiableStore.Head head = save(jdbc, file, store.submodels(), Submodel.class);
        applyJournal(file, new Elements(jdbc, head.nr()), head.version());
      }
      attachments(jdbc);
      jdbc.update("INSERT INTO store (name, value) VALUES (?, ?)", MARK, folder.toString());
      LOG.info("Took over {} documents into {}", all, store.database());
    } catch (IOException e) {
      throw damaged(folder, e);
    }
  }

  private List<Path> documents(String kind) throws IOException {
    Path documents = folder.resolve(kind);
    if (!Files.isDirectory(documents)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(documents)) {
      return files.filter(file -> file.toString().endsWith(".json")).sorted().toList();
    }
  }

  private <T extends Identifiable> IdentifiableStore.Head save(
      JdbcTemplate jdbc, Path file, IdentifiableStore<T> into, Class<T> type) {
    try {
      T object = Json.fromTree(withoutNulls(Json.tree(Files.readAllBytes(file))), type);
      if (object == null || object.getId() == null || object.getId().isBlank()) {
        throw new IOException("it has no id");
      }
      IdentifiableStore.Head head = into.create(jdbc, object, into.chunk(object));
      owners.put(file.getFileName().toString().replaceAll("\\.json$", ""), head.nr());
      done++;
      if (System.nanoTime() - told > TELL_EVERY_NANOS) {
        told = System.nanoTime();
        LOG.info("{} of {} documents", done, all);
      }
      return head;
    } catch (IOException | RuntimeException e) {
      throw damaged(file, e);
    }
  }

  /** Elements that are JSON null were once accepted; they say nothing. */
  private static JsonNode withoutNulls(JsonNode json) {
    if (json.isArray()) {
      for (Iterator<JsonNode> items = json.iterator(); items.hasNext(); ) {
        if (items.next().isNull()) {
          items.remove();
        }
      }
    }
    json.forEach(VersionOneFolder::withoutNulls);
    return json;
  }

  /**
   * A line is the CRC-32 of a JSON text, a blank and the text. The first names the document the
   * changes build on, as CRC and length; one with "rewritten" the document that holds all changes
   * before it.
   */
  private void applyJournal(Path document, Elements elements, long version) throws IOException {
    Path journal = document.resolveSibling(document.getFileName() + ".journal");
    if (!Files.exists(journal)) {
      return;
    }
    byte[] content = Files.readAllBytes(document);
    String base = crc(content) + "-" + content.length;
    String text = Files.readString(journal, StandardCharsets.UTF_8);
    String[] lines = text.substring(0, text.lastIndexOf('\n') + 1).split("\n");
    List<JsonNode> changes = new ArrayList<>();
    boolean known = text.indexOf('\n') < 0;
    try {
      for (int i = 0; i < lines.length && !lines[i].isEmpty(); i++) {
        byte[] json =
            lines[i].substring(Math.min(9, lines[i].length())).getBytes(StandardCharsets.UTF_8);
        if (!lines[i].startsWith(crc(json) + " ")) {
          throw new IOException("line " + (i + 1) + ": its checksum is wrong");
        }
        JsonNode line = Json.tree(json);
        if (i == 0) {
          known = base.equals(line.path("base").textValue());
        } else if (!line.has("rewritten")) {
          changes.add(line);
        } else if (!known && base.equals(line.get("rewritten").textValue())) {
          known = true;
          changes.clear();
        }
      }
      if (!known) {
        throw new IOException("it does not belong to the document beside it");
      }
      for (JsonNode change : changes) {
        apply(change, elements, version);
      }
    } catch (IOException | RuntimeException e) {
      throw damaged(journal, e);
    }
  }

  private static void apply(JsonNode change, Elements elements, long version) throws IOException {
    SubmodelElement element =
        change.has("element")
            ? Json.fromTree(withoutNulls(change.get("element")), SubmodelElement.class)
            : null;
    if (change.has("add")) {
      String path = change.get("add").textValue();
      elements.add(path.isEmpty() ? null : elements.find(path), element, version);
    } else if (change.has("put")) {
      elements.put(elements.find(change.get("put").textValue()), element, version);
    } else if (change.has("remove")) {
      elements.remove(elements.find(change.get("remove").textValue()), version);
    } else {
      throw new IOException("not a change: " + change);
    }
  }

  private static String crc(byte[] content) {
    CRC32 crc = new CRC32();
    crc.update(content);
    return String.format("%08x", crc.getValue());
  }

  private void attachments(JdbcTemplate jdbc) throws IOException {
    Path attachments = folder.resolve("attachments");
    for (Map.Entry<String, Long> owner : owners.entrySet()) {
      Path own = attachments.resolve(owner.getKey());
      if (!Files.isDirectory(own)) {
        continue;
      }
      try (Stream<Path> files = Files.list(own)) {
        for (Path file : files.sorted().toList()) {
          try (InputStream content = Files.newInputStream(file)) {
            String value = owner.getKey() + "/" + file.getFileName();
            Attachments.save(jdbc, owner.getValue(), value, content);
          }
        }
      }
      Attachments.deleteUnused(jdbc, owner.getValue(), Attachments.of(jdbc, owner.getValue()));
    }
  }

  private void putAside(Path description) {
    Path aside = folder.resolve("version-1");
    try {
      Files.createDirectories(aside);
      for (String part : List.of("shells", "submodels", "concept-descriptions", "attachments")) {
        if (Files.exists(folder.resolve(part))) {
          Files.move(folder.resolve(part), aside.resolve(part));
        }
      }
      Files.copy(description, aside.resolve("store.json"), StandardCopyOption.REPLACE_EXISTING);
      // An older program that is started here by mistake reads this and says so.
      Files.writeString(description, "{\"format\": \"battery twin store\", \"version\": 2}\n");
      LOG.info("The store of version 1 is kept in {}; it may be deleted", aside);
    } catch (IOException e) {
      LOG.warn("The store of version 1 could not be put aside to {}: {}", aside, e.toString());
    }
  }

  private static StoreException damaged(Path file, Exception e) {
    if (e instanceof StoreException known && known.status().is5xxServerError()) {
      return known;
    }
    return new StoreException(
        "The file "
            + file
            + " of the store is damaged: "
            + String.valueOf(e.getMessage()).lines().findFirst().orElse(e.toString()),
        "Nothing was changed. Put back this file from a backup, or move it out of the store to go on"
            + " without what it holds; in both cases together with its .json or .journal file.",
        e);
  }
}
