package twin.store;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import org.eclipse.digitaltwin.aas4j.v3.model.SubmodelElement;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.util.StringUtils;

/**
 * Takes over a store of version 1: a folder with one JSON file per identifiable, a journal of
 * changes beside each submodel, and a folder with the attachments. Everything goes into the
 * database in one transaction; the folder is only read, and put aside once all of it is there.
 */
final class VersionOneFolder {

  private static final Logger LOG = LoggerFactory.getLogger(VersionOneFolder.class);
  private static final String MARK = "taken over";
  private static final int TELL_EVERY = 100;

  private final Path folder;
  private final Store store;

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
      try (FileChannel held =
          Database.hold(
              folder.resolve("lock"),
              "The store of version 1 in " + folder + " is in use by another AAS environment",
              "Stop that one first.")) {
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
      return Json.parse(Files.readAllBytes(description)).path("version").asInt();
    } catch (IOException e) {
      throw damaged(description, e);
    }
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
    Map<Path, IdentifiableStore<?>> documents = new LinkedHashMap<>();
    files("shells").forEach(file -> documents.put(file, store.shells()));
    files("concept-descriptions").forEach(file -> documents.put(file, store.conceptDescriptions()));
    files("submodels").forEach(file -> documents.put(file, store.submodels()));
    documents.keySet().removeIf(file -> !file.toString().endsWith(".json"));
    LOG.info("Taking over the store of version 1 in {}: {} documents", folder, documents.size());
    int[] done = {0};
    documents.forEach(
        (file, into) -> {
          takeOver(jdbc, file, into);
          if (++done[0] % TELL_EVERY == 0) {
            LOG.info("{} of {} documents", done[0], documents.size());
          }
        });
    jdbc.update("INSERT INTO store (name, value) VALUES (?, ?)", MARK, folder.toString());
    LOG.info("Took over {} documents into {}", documents.size(), store.database());
  }

  private List<Path> files(String part) {
    Path folderOfPart = folder.resolve(part);
    if (!Files.isDirectory(folderOfPart)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(folderOfPart)) {
      return files.sorted().toList();
    } catch (IOException e) {
      throw damaged(folderOfPart, e);
    }
  }

  private void takeOver(JdbcTemplate jdbc, Path document, IdentifiableStore<?> into) {
    Path file = document;
    try {
      byte[] content = Files.readAllBytes(document);
      IdentifiableStore.Head head = into.create(jdbc, withoutNulls(Json.parse(content)));
      file = document.resolveSibling(document.getFileName() + ".journal");
      if (Files.exists(file)) {
        Elements elements = new Elements(jdbc, head);
        for (JsonNode change : changes(Files.readString(file), content)) {
          apply(change, elements);
        }
      }
      String name = document.getFileName().toString().replaceAll("\\.json$", "");
      for (Path attachment : files("attachments/" + name)) {
        file = attachment;
        try (InputStream in = Files.newInputStream(file)) {
          Attachments.save(jdbc, head.nr(), name + "/" + file.getFileName(), in);
        }
      }
      Attachments.deleteUnused(jdbc, head.nr(), Attachments.of(jdbc, head.nr()));
    } catch (IOException | RuntimeException e) {
      throw damaged(file, e);
    }
  }

  /** Elements that are JSON null were once accepted; they say nothing. */
  private static JsonNode withoutNulls(JsonNode json) {
    if (json instanceof ArrayNode items) {
      items.removeIf(JsonNode::isNull);
    }
    json.forEach(VersionOneFolder::withoutNulls);
    return json;
  }

  /**
   * A line is the CRC-32 of a JSON text, a blank and the text. The first names the document the
   * changes build on, as CRC and length; one with "rewritten" the document that holds all changes
   * before it.
   */
  private static List<JsonNode> changes(String journal, byte[] document) throws IOException {
    String base = crc(document) + "-" + document.length;
    int end = journal.lastIndexOf('\n') + 1; // what follows was cut off in a crash
    boolean known = end == 0;
    List<JsonNode> changes = new ArrayList<>();
    for (String line : journal.substring(0, end).lines().toList()) {
      byte[] json = line.substring(Math.min(9, line.length())).getBytes(StandardCharsets.UTF_8);
      if (!line.startsWith(crc(json) + " ")) {
        throw new IOException("a line has a wrong checksum: " + StringUtils.truncate(line, 40));
      }
      JsonNode change = Json.parse(json);
      if (change.has("base")) {
        known = base.equals(change.get("base").textValue());
      } else if (!change.has("rewritten")) {
        changes.add(change);
      } else if (!known && base.equals(change.get("rewritten").textValue())) {
        known = true;
        changes.clear();
      }
    }
    if (!known) {
      throw new IOException("it does not belong to the document beside it");
    }
    return changes;
  }

  private static void apply(JsonNode change, Elements elements) throws IOException {
    SubmodelElement element =
        change.has("element")
            ? Json.fromTree(withoutNulls(change.get("element")), SubmodelElement.class)
            : null;
    if (change.has("add")) {
      String path = change.get("add").textValue();
      elements.add(path.isEmpty() ? Elements.top() : elements.find(path), element);
    } else if (change.has("put")) {
      elements.put(elements.find(change.get("put").textValue()), element);
    } else if (change.has("remove")) {
      elements.remove(elements.find(change.get("remove").textValue()));
    } else {
      throw new IOException("not a change: " + change);
    }
  }

  private static String crc(byte[] content) {
    CRC32 crc = new CRC32();
    crc.update(content);
    return String.format("%08x", crc.getValue());
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
        "Nothing was changed. Put back this file from a backup, or move it out of the store to go"
            + " on without what it holds; in both cases together with its .json or .journal file.",
        e);
  }
}
