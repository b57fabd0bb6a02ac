package twin.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.eclipse.digitaltwin.aas4j.v3.model.DataTypeDefXsd;
import org.eclipse.digitaltwin.aas4j.v3.model.File;
import org.eclipse.digitaltwin.aas4j.v3.model.Property;
import org.eclipse.digitaltwin.aas4j.v3.model.Submodel;
import org.eclipse.digitaltwin.aas4j.v3.model.SubmodelElement;
import org.eclipse.digitaltwin.aas4j.v3.model.SubmodelElementCollection;
import org.eclipse.digitaltwin.aas4j.v3.model.SubmodelElementList;
import org.eclipse.digitaltwin.aas4j.v3.model.impl.DefaultAssetAdministrationShell;
import org.eclipse.digitaltwin.aas4j.v3.model.impl.DefaultAssetInformation;
import org.eclipse.digitaltwin.aas4j.v3.model.impl.DefaultConceptDescription;
import org.eclipse.digitaltwin.aas4j.v3.model.impl.DefaultEntity;
import org.eclipse.digitaltwin.aas4j.v3.model.impl.DefaultFile;
import org.eclipse.digitaltwin.aas4j.v3.model.impl.DefaultLangStringTextType;
import org.eclipse.digitaltwin.aas4j.v3.model.impl.DefaultProperty;
import org.eclipse.digitaltwin.aas4j.v3.model.impl.DefaultSubmodel;
import org.eclipse.digitaltwin.aas4j.v3.model.impl.DefaultSubmodelElementCollection;
import org.eclipse.digitaltwin.aas4j.v3.model.impl.DefaultSubmodelElementList;
import org.eclipse.digitaltwin.basyx.core.exceptions.CollidingIdentifierException;
import org.eclipse.digitaltwin.basyx.core.exceptions.ElementDoesNotExistException;
import org.eclipse.digitaltwin.basyx.submodelservice.value.PropertyValue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The store's rules, without HTTP. "Crashed" means opened again from a copy of the folder, without
 * having been closed.
 */
class FileStoreTest {

  private static final String ID = "https://battery-twin.example/ids/sm/B0005/Prediction";

  @TempDir Path temporary;
  private Path folder;
  private FileStore store;

  @BeforeEach
  void open() {
    folder = temporary.resolve("store");
    store = new FileStore(folder, true);
  }

  @AfterEach
  void close() {
    store.close();
  }

  private static Property property(String idShort, String value) {
    return new DefaultProperty.Builder()
        .idShort(idShort)
        .valueType(DataTypeDefXsd.STRING)
        .value(value)
        .build();
  }

  private static Submodel submodel() {
    return new DefaultSubmodel.Builder()
        .id(ID)
        .idShort("Prediction")
        .submodelElements(property("First", "1"))
        .submodelElements(
            new DefaultSubmodelElementCollection.Builder()
                .idShort("Details")
                .description(
                    new DefaultLangStringTextType.Builder().language("en").text("kept").build())
                .value(property("A", "1"))
                .value(property("B", "1"))
                .value(new DefaultFile.Builder().idShort("Curve").contentType("text/csv").build())
                .build())
        .submodelElements(
            new DefaultSubmodelElementList.Builder()
                .idShort("Alerts")
                .value(
                    new DefaultSubmodelElementCollection.Builder()
                        .value(property("State", "1"))
                        .build())
                .build())
        .submodelElements(
            new DefaultEntity.Builder().idShort("Life").statements(property("Unit", "1")).build())
        .submodelElements(property("Last", "1"))
        .build();
  }

  private Submodel saved() {
    store.submodels().save(submodel());
    return get(store);
  }

  private static Submodel get(FileStore store) {
    return store.submodels().findById(ID).orElseThrow();
  }

  private Path copy() throws IOException {
    Path copy = Files.createTempDirectory(temporary, "copy").resolve("store");
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path path : all.filter(path -> !path.endsWith("lock")).toList()) {
        Files.copy(path, copy.resolve(folder.relativize(path)));
      }
    }
    return copy;
  }

  private FileStore crashed() throws IOException {
    return new FileStore(copy(), true);
  }

  private static Map<String, String> contents(Path folder) throws IOException {
    Map<String, String> contents = new TreeMap<>();
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path path : all.filter(p -> Files.isRegularFile(p) && !p.endsWith("lock")).toList()) {
        contents.put(folder.relativize(path).toString(), Files.readString(path));
      }
    }
    return contents;
  }

  private Path onlyFileIn(String subfolder, String ending) throws IOException {
    try (Stream<Path> files = Files.list(folder.resolve(subfolder))) {
      List<Path> found = files.filter(path -> path.toString().endsWith(ending)).toList();
      assertThat(found).hasSize(1);
      return found.get(0);
    }
  }

  private void changeEverything() {
    SubmodelStore submodels = store.submodels();
    submodels.setSubmodelElementValue(ID, "Details.A", new PropertyValue("2"));
    submodels.setSubmodelElementValue(ID, "Alerts[0].State", new PropertyValue("2"));
    submodels.setSubmodelElementValue(ID, "Life.Unit", new PropertyValue("2"));
    submodels.createSubmodelElement(ID, property("New", "2"));
    submodels.createSubmodelElement(ID, "Details", property("New", "2"));
    submodels.createSubmodelElement(ID, "Alerts", new DefaultSubmodelElementCollection());
    submodels.createSubmodelElement(ID, "Life", property("New", "2"));
    submodels.updateSubmodelElement(ID, "First", property("First", "2"));
    submodels.updateSubmodelElement(ID, "Alerts[0]", new DefaultSubmodelElementCollection());
    submodels.deleteSubmodelElement(ID, "Details.B");
    submodels.deleteSubmodelElement(ID, "Alerts[1]");
  }

  @Test
  void changesAtEveryDepthAreThereAfterACrashAndAfterACleanStop() throws IOException {
    saved();
    changeEverything();
    Submodel expected = get(store);
    try (FileStore again = crashed()) {
      assertThat(get(again)).isEqualTo(expected);
    }
    store.close();
    assertThat(contents(folder).keySet()).noneMatch(name -> name.endsWith(".journal"));
    store = new FileStore(folder, true);
    assertThat(get(store)).isEqualTo(expected);
  }

  @Test
  void shellsAndConceptDescriptionsAreThereAfterACrashAndGoneAfterADelete() throws IOException {
    var shell =
        new DefaultAssetAdministrationShell.Builder()
            .id("urn:shell")
            .assetInformation(new DefaultAssetInformation())
            .build();
    var concept = new DefaultConceptDescription.Builder().id("urn:concept").build();
    store.shells().save(shell);
    store.conceptDescriptions().save(concept);
    try (FileStore again = crashed()) {
      assertThat(again.shells().findById("urn:shell")).contains(shell);
      assertThat(again.conceptDescriptions().findById("urn:concept")).contains(concept);
      again.shells().delete(shell);
      again.conceptDescriptions().deleteAll();
      assertThat(again.shells().count() + again.conceptDescriptions().count()).isZero();
    }
    store.submodels().save(submodel());
    store.submodels().deleteAll();
    store.shells().deleteAllById(List.of("urn:shell"));
    try (FileStore again = crashed()) {
      assertThat(again.submodels().count() + again.shells().count()).isZero();
    }
  }

  @Test
  void aReaderKeepsTheVersionItGot() {
    Submodel before = saved();
    changeEverything();
    assertThat(before).isEqualTo(submodel());
    assertThat(get(store)).isNotEqualTo(before);
  }

  @Test
  void aChangeCopiesOnlyWhatLiesOnItsPath() {
    Submodel before = saved();
    store.submodels().setSubmodelElementValue(ID, "Details.A", new PropertyValue("2"));
    List<SubmodelElement> old = before.getSubmodelElements();
    List<SubmodelElement> now = get(store).getSubmodelElements();
    assertThat(now.get(1)).isNotSameAs(old.get(1));
    assertThat(now.get(1).getDescription()).isEqualTo(old.get(1).getDescription());
    assertThat(IntStream.of(0, 2, 3, 4)).allMatch(i -> now.get(i) == old.get(i));
  }

  @Test
  void putKeepsThePlaceOfTheElement() {
    saved();
    store.submodels().updateSubmodelElement(ID, "First", property("First", "2"));
    store.submodels().updateSubmodelElement(ID, "Details.A", property("A", "2"));
    Submodel submodel = get(store);
    assertThat(submodel.getSubmodelElements().get(0)).isEqualTo(property("First", "2"));
    var details = (SubmodelElementCollection) submodel.getSubmodelElements().get(1);
    assertThat(details.getValue().get(0)).isEqualTo(property("A", "2"));
  }

  @Test
  void aRefusedChangeLeavesNoTrace() throws IOException {
    saved();
    SubmodelStore submodels = store.submodels();
    Map<String, String> before = contents(folder);
    assertThatThrownBy(() -> submodels.createSubmodelElement(ID, "Details", property("A", "2")))
        .isInstanceOf(CollidingIdentifierException.class);
    assertThatThrownBy(() -> submodels.updateSubmodelElement(ID, "Details.A", property("B", "2")))
        .isInstanceOf(CollidingIdentifierException.class);
    assertThatThrownBy(() -> submodels.createSubmodelElement(ID, "Details", property(null, "2")))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> submodels.createSubmodelElement(ID, "First", property("New", "2")))
        .isInstanceOf(IllegalArgumentException.class);
    for (String path :
        List.of(
            "Nope",
            "Details.Nope",
            "Alerts[7]",
            "Details[0]",
            "Alerts.State",
            "First.A",
            "A[",
            "")) {
      assertThatThrownBy(() -> submodels.deleteSubmodelElement(ID, path))
          .isInstanceOf(ElementDoesNotExistException.class);
    }
    assertThat(contents(folder)).isEqualTo(before);
    assertThat(get(store)).isEqualTo(submodel());
  }

  @Test
  void parallelAppendsKeepEveryRecord() throws Exception {
    saved();
    ExecutorService pool = Executors.newFixedThreadPool(8);
    Callable<Void> append =
        () -> {
          for (int i = 0; i < 50; i++) {
            store
                .submodels()
                .createSubmodelElement(ID, "Alerts", new DefaultSubmodelElementCollection());
          }
          return null;
        };
    for (Future<Void> done : pool.invokeAll(Collections.nCopies(8, append))) {
      done.get();
    }
    pool.shutdown();
    assertThat(((SubmodelElementList) get(store).getSubmodelElements().get(2)).getValue())
        .hasSize(401);
    try (FileStore again = crashed()) {
      assertThat(get(again)).isEqualTo(get(store));
    }
  }

  @Test
  void aLineCutOffInACrashIsDroppedAndTheNextChangeFollowsWhole() throws IOException {
    saved();
    store.submodels().setSubmodelElementValue(ID, "First", new PropertyValue("2"));
    Path journal = onlyFileIn("submodels", ".journal");
    byte[] whole = Files.readAllBytes(journal);
    store.submodels().setSubmodelElementValue(ID, "First", new PropertyValue("3"));
    byte[] more = Files.readAllBytes(journal);
    for (int length :
        new int[] {whole.length, whole.length + 1, whole.length + 12, more.length - 1}) {
      Files.write(journal, Arrays.copyOf(more, length));
      try (FileStore again = crashed()) {
        assertThat(((Property) get(again).getSubmodelElements().get(0)).getValue()).isEqualTo("2");
        again.submodels().setSubmodelElementValue(ID, "Last", new PropertyValue("4"));
        assertThat(((Property) get(again).getSubmodelElements().get(4)).getValue()).isEqualTo("4");
      }
    }
  }

  @Test
  void aCrashBetweenDocumentAndJournalLosesNothingAndDoublesNothing() throws IOException {
    saved();
    store.submodels().createSubmodelElement(ID, property("New", "2"));
    Path document = onlyFileIn("submodels", ".json");
    Submodel expected = get(store);
    // As if the process had died after the journal named the new document: before, and after, that
    // took its place.
    Journal journal = new Journal(document, Files.readAllBytes(document), new Disk(true));
    journal.read();
    byte[] rewritten = Json.indented(expected);
    journal.announce(rewritten);
    try (FileStore again = crashed()) {
      assertThat(get(again)).isEqualTo(expected);
    }
    Files.write(document, rewritten);
    try (FileStore again = crashed()) {
      assertThat(get(again)).isEqualTo(expected);
      again.submodels().createSubmodelElement(ID, property("Newer", "3"));
    }
  }

  @Test
  void aLongJournalIsWorkedIntoTheDocument() throws IOException {
    saved();
    String text = "x".repeat(100_000);
    for (int i = 0; i < 12; i++) {
      store.submodels().setSubmodelElementValue(ID, "First", new PropertyValue(text + i));
    }
    assertThat(Files.size(onlyFileIn("submodels", ".journal"))).isLessThan(500_000);
    try (FileStore again = crashed()) {
      assertThat(get(again)).isEqualTo(get(store));
    }
  }

  @Test
  void aDamagedFileStopsTheStartByNameAndNothingIsTouched() throws IOException {
    saved();
    changeEverything();
    Path document = onlyFileIn("submodels", ".json");
    Path journal = onlyFileIn("submodels", ".journal");
    byte[] json = Files.readAllBytes(document);
    byte[] lines = Files.readAllBytes(journal);
    byte[] flipped = lines.clone();
    flipped[lines.length / 2] ^= 1;
    record Damage(Path file, byte[] content) {}
    for (Damage damage :
        List.of(
            new Damage(document, new byte[0]),
            new Damage(document, Arrays.copyOf(json, json.length / 2)),
            new Damage(document, "{\"modelType\":\"Submodel\"}".getBytes()),
            new Damage(document, "[]".getBytes()),
            new Damage(journal, flipped),
            new Damage(journal, "not a journal\n".getBytes()),
            new Damage(folder.resolve("store.json"), "{".getBytes()))) {
      byte[] good = Files.readAllBytes(damage.file());
      Files.write(damage.file(), damage.content());
      Files.writeString(folder.resolve("submodels").resolve("left.json.tmp"), "a leftover");
      Path copy = copy();
      Map<String, String> before = contents(copy);
      assertThatThrownBy(() -> new FileStore(copy, true).close())
          .isInstanceOf(StoreException.class)
          .hasMessageContaining(damage.file().getFileName().toString());
      assertThat(contents(copy)).isEqualTo(before);
      Files.write(damage.file(), good);
    }
  }

  @Test
  void aDocumentChangedByHandWhileItHasAJournalIsRefused() throws IOException {
    saved();
    store.submodels().setSubmodelElementValue(ID, "First", new PropertyValue("2"));
    Path journal = onlyFileIn("submodels", ".journal");
    Path document = onlyFileIn("submodels", ".json");
    Files.writeString(document, Files.readString(document).replace("\"Last\"", "\"Lost\""));
    assertThatThrownBy(() -> crashed().close())
        .isInstanceOf(StoreException.class)
        .hasMessageContaining("does not belong to the document");
  }

  @Test
  void aSecondStoreOnTheFolderIsRefusedUntilTheFirstIsClosed() {
    assertThatThrownBy(() -> new FileStore(folder, true).close())
        .isInstanceOf(StoreException.class)
        .hasMessageContaining("in use");
    store.close();
    store = new FileStore(folder, true);
  }

  @Test
  void aNewerFormatIsRefused() throws IOException {
    store.close();
    Path file = folder.resolve("store.json");
    String now = Files.readString(file);
    Files.writeString(file, now.replace(": 1", ": 2"));
    assertThatThrownBy(() -> new FileStore(folder, true).close())
        .isInstanceOf(StoreException.class)
        .hasMessageContaining("version 2");
    Files.writeString(file, now);
    store = new FileStore(folder, true);
  }

  @Test
  void leftoversOfACrashAreRemovedAndNothingElseIs() throws IOException {
    saved();
    store.submodels().setAttachment(ID, "Details.Curve", attach("kept"));
    String orphan = attach("orphan");
    Path note = folder.resolve("attachments").resolve("note by a person.txt");
    Files.writeString(note, "stays");
    Files.writeString(folder.resolve("submodels").resolve("x.json.tmp"), "half");
    Files.writeString(folder.resolve("submodels").resolve("deleted.json.journal"), "old");
    try (FileStore again = crashed()) {
      assertThat(again.attachments().exists(orphan)).isFalse();
      assertThat(again.attachments().exists(curve(get(again)))).isTrue();
    }
    store.close();
    store = new FileStore(folder, true);
    assertThat(contents(folder).keySet())
        .noneMatch(name -> name.endsWith(".tmp") || name.contains("deleted"));
    assertThat(note).exists();
  }

  private String attach(String content) {
    return store
        .attachments()
        .save(
            store.submodels().attachmentOwner(ID),
            "curve.csv",
            new ByteArrayInputStream(content.getBytes()));
  }

  private static String curve(Submodel submodel) {
    var details = (SubmodelElementCollection) submodel.getSubmodelElements().get(1);
    return details.getValue().stream()
        .filter(File.class::isInstance)
        .map(element -> ((File) element).getValue())
        .findFirst()
        .orElseThrow();
  }

  @Test
  void anAttachmentLivesAsLongAsAnElementNamesIt() throws IOException {
    saved();
    String first = attach("first");
    store.submodels().setAttachment(ID, "Details.Curve", first);
    File element =
        new DefaultFile.Builder().idShort("Copy").contentType("text/csv").value(first).build();
    store.submodels().createSubmodelElement(ID, element);
    store.submodels().setAttachment(ID, "Details.Curve", attach("second"));
    store.submodels().updateSubmodelElement(ID, "Copy", element);
    String second = curve(get(store));
    store.close();
    store = new FileStore(folder, true);
    assertThat(store.attachments().find(first)).hasContent("first");
    store.submodels().deleteSubmodelElement(ID, "Copy");
    store.close();
    assertThat(contents(folder.resolve("attachments")).keySet())
        .containsExactly(Path.of(second).toString());
    store = new FileStore(folder, true);
    store.submodels().deleteById(ID);
    store.close();
    assertThat(contents(folder.resolve("attachments"))).isEmpty();
  }

  @Test
  void aValueThatIsNoNameOfTheStoreLeadsNowhere() throws IOException {
    saved();
    String value = attach("inside");
    Path outside = Files.writeString(temporary.resolve("secret.0123456789ab.csv"), "secret");
    Path link =
        folder.resolve("attachments").resolve(value).resolveSibling("link.0123456789ab.csv");
    try {
      Files.createSymbolicLink(link, outside);
    } catch (UnsupportedOperationException | IOException e) {
      Files.writeString(link.resolveSibling("other.csv"), "no links on this system");
    }
    String owner = value.substring(0, value.indexOf('/'));
    for (String wrong :
        List.of(
            outside.toString(),
            "../" + outside.getFileName(),
            "../store.json",
            owner + "/../../../" + outside.getFileName(),
            owner + "/link.0123456789ab.csv",
            owner + "\\" + value.substring(value.indexOf('/') + 1),
            owner,
            "/" + value,
            "file:" + value,
            value + "\u0000",
            " ",
            "")) {
      assertThat(store.attachments().exists(wrong)).as(wrong).isFalse();
      assertThatThrownBy(() -> store.attachments().delete(wrong))
          .as(wrong)
          .isInstanceOf(RuntimeException.class);
    }
    assertThat(store.attachments().exists(null)).isFalse();
    assertThat(store.attachments().exists(value)).isTrue();
    assertThat(outside).hasContent("secret");
  }

  @Test
  void aFileNameIsMadeHarmlessAndKeepsItsEnding() {
    saved();
    String owner = store.submodels().attachmentOwner(ID);
    for (String name :
        new String[] {
          "../../etc/passwd", "C:\\a\\b c.CSV", ".hidden", "", "ü".repeat(300) + ".csv", null
        }) {
      String value =
          store.attachments().save(owner, name, new ByteArrayInputStream(new byte[] {1}));
      assertThat(value).matches("[A-Za-z0-9.-]+/[A-Za-z0-9._-]{1,110}");
      assertThat(store.attachments().exists(value)).isTrue();
    }
    assertThat(attach("x")).matches("B0005-Prediction\\.[0-9a-f]{12}/curve\\.[0-9a-f]{12}\\.csv");
  }

  @Test
  void aChangeThatTheDiskRefusesDidNotHappen() throws IOException {
    Submodel before = saved();
    Path journal = Journal.fileOf(onlyFileIn("submodels", ".json"));
    Files.createDirectory(journal); // a folder in its place: no write can succeed
    assertThatThrownBy(
            () -> store.submodels().setSubmodelElementValue(ID, "First", new PropertyValue("2")))
        .isInstanceOf(StoreException.class)
        .hasMessageContaining("did not happen");
    assertThat(get(store)).isSameAs(before);
    Files.delete(journal);
    store.submodels().setSubmodelElementValue(ID, "First", new PropertyValue("3"));
    try (FileStore again = crashed()) {
      assertThat(((Property) get(again).getSubmodelElements().get(0)).getValue()).isEqualTo("3");
    }
  }

  @Test
  void aFileDroppedInByHandIsReadAndKeepsItsName() throws IOException {
    saved();
    store.close();
    Path document = folder.resolve("submodels").resolve("my own name.json");
    Files.move(onlyFileIn("submodels", ".json"), document);
    store = new FileStore(folder, true);
    store.submodels().setSubmodelElementValue(ID, "First", new PropertyValue("2"));
    store.close();
    assertThat(onlyFileIn("submodels", ".json")).isEqualTo(document);
    assertThat(Files.readString(document)).contains("\"2\"");
    Files.copy(document, document.resolveSibling("copy.json"));
    assertThatThrownBy(() -> new FileStore(folder, true).close()).hasMessageContaining("same id");
    Files.delete(document.resolveSibling("copy.json"));
    store = new FileStore(folder, true);
  }

  @Test
  void aJournalIsReadableByAPerson() throws IOException {
    saved();
    store.submodels().setSubmodelElementValue(ID, "Details.A", new PropertyValue("2"));
    store.submodels().deleteSubmodelElement(ID, "Details.B");
    List<String> lines = Files.readAllLines(onlyFileIn("submodels", ".journal"));
    assertThat(lines).hasSize(3);
    assertThat(lines.get(1))
        .contains("{\"put\":\"Details.A\",\"element\":{\"modelType\":\"Property\"");
    assertThat(lines.get(2)).endsWith("{\"remove\":\"Details.B\"}");
    Files.writeString(onlyFileIn("submodels", ".journal"), "unfinished", StandardOpenOption.APPEND);
    try (FileStore again = crashed()) {
      assertThat(get(again)).isEqualTo(get(store));
    }
  }

  @Test
  void oddButAcceptedContentDoesNotStopTheNextStart() throws IOException {
    String json =
        """
        {"modelType": "Submodel", "id": "urn:odd", "submodelElements": [null,
          {"modelType": "SubmodelElementCollection", "idShort": "C", "value": null},
          {"modelType": "Operation", "idShort": "O", "inputVariables": null},
          {"modelType": "Entity", "idShort": "E", "entityType": "CoManagedEntity", "statements": [null]}]}
        """;
    store.submodels().save(Json.read(json.getBytes(), Submodel.class));
    store.submodels().createSubmodelElement("urn:odd", "C", property("A", "1"));
    store.submodels().createSubmodelElement("urn:odd", property("A", "1"));
    store
        .submodels()
        .save(
            Json.read(
                "{\"modelType\": \"Submodel\", \"id\": \"urn:none\", \"submodelElements\": null}"
                    .getBytes(),
                Submodel.class));
    store.submodels().createSubmodelElement("urn:none", property("A", "1"));
    try (FileStore again = crashed()) {
      for (String id : List.of("urn:odd", "urn:none")) {
        assertThat(again.submodels().findById(id)).isEqualTo(store.submodels().findById(id));
      }
    }
  }

  @Test
  void aJournalLeftByADeletedSubmodelIsNotTakenForThatOfItsSuccessor() throws IOException {
    saved();
    store.submodels().setSubmodelElementValue(ID, "First", new PropertyValue("2"));
    Path journal = onlyFileIn("submodels", ".journal");
    byte[] left = Files.readAllBytes(journal);
    store.submodels().deleteById(ID);
    Files.write(journal, left);
    saved();
    try (FileStore again = crashed()) {
      assertThat(get(again)).isEqualTo(submodel());
    }
  }

  @Test
  void aJournalDeletedByHandIsNotContinued() throws IOException {
    saved();
    store.submodels().setSubmodelElementValue(ID, "First", new PropertyValue("2"));
    Files.delete(onlyFileIn("submodels", ".journal"));
    assertThatThrownBy(
            () -> store.submodels().setSubmodelElementValue(ID, "First", new PropertyValue("3")))
        .isInstanceOf(StoreException.class);
    store.submodels().save(get(store));
    store.submodels().setSubmodelElementValue(ID, "First", new PropertyValue("4"));
    try (FileStore again = crashed()) {
      assertThat(get(again)).isEqualTo(get(store));
    }
  }
}
