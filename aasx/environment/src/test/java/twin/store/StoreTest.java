package twin.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
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
import java.util.zip.CRC32;
import org.eclipse.digitaltwin.aas4j.v3.model.DataTypeDefXsd;
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
import org.eclipse.digitaltwin.basyx.core.pagination.PaginationInfo;
import org.eclipse.digitaltwin.basyx.submodelservice.value.PropertyValue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The store's rules on SQLite, without HTTP; tests/environment/ has them on both databases. */
class StoreTest {

  private static final String ID = "https://battery-twin.example/ids/sm/B0005/Prediction";

  @TempDir Path temporary;
  private Path folder;
  private Store store;

  @BeforeEach
  void open() {
    folder = temporary.resolve("store");
    store = open(folder);
  }

  @AfterEach
  void close() {
    store.close();
  }

  private static Store open(Path folder) {
    return Store.open(new StoreSettings(folder, "", "", "", "", true, Duration.ZERO));
  }

  private static Property property(String idShort, String value) {
    return new DefaultProperty.Builder()
        .idShort(idShort)
        .valueType(DataTypeDefXsd.STRING)
        .value(value)
        .build();
  }

  private static SubmodelElementCollection collection(String idShort, SubmodelElement... inner) {
    return new DefaultSubmodelElementCollection.Builder()
        .idShort(idShort)
        .value(List.of(inner))
        .build();
  }

  private static Submodel submodel(SubmodelElement... elements) {
    return new DefaultSubmodel.Builder()
        .id(ID)
        .idShort("Prediction")
        .submodelElements(List.of(elements))
        .build();
  }

  /** Every kind of container, small and large: a large one is split into rows. */
  private static Submodel submodel(int size) {
    SubmodelElementCollection details =
        collection("Details", property("A", "1"), property("B", text(size)), property("C", "1"));
    details.setDescription(
        List.of(new DefaultLangStringTextType.Builder().language("en").text("kept").build()));
    return submodel(
        property("First", "1"),
        details,
        new DefaultSubmodelElementList.Builder()
            .idShort("Alerts")
            .value(collection(null, property("State", text(size))))
            .build(),
        new DefaultEntity.Builder()
            .idShort("Life")
            .statements(List.of(property("Unit", "1"), property("Text", text(size))))
            .build(),
        collection("Outer", collection("Middle", collection("Inner", property("P", text(size))))),
        property("Last", "1"));
  }

  private static String text(int size) {
    return "x".repeat(size);
  }

  private static final int[] SIZES = {1, 20_000};

  private Submodel saved(Submodel submodel) {
    if (submodels() == 0) {
      store.submodels().createSubmodel(submodel);
    } else {
      store.submodels().updateSubmodel(ID, submodel);
    }
    return get(store);
  }

  private static Submodel get(Store store) {
    return plain(store.submodels().getSubmodel(ID));
  }

  /** As a caller of the API gets it. */
  private static Submodel plain(Submodel submodel) {
    return Json.read(Json.text(submodel), Submodel.class);
  }

  private long count(String table) {
    return store
        .database()
        .read(jdbc -> jdbc.queryForObject("SELECT COUNT(*) FROM " + table, Long.class));
  }

  private long rows() {
    return count("element");
  }

  private long submodels() {
    return store.submodels().page(new PaginationInfo(null, null)).getResult().size();
  }

  private void changeEverything() {
    SubmodelStore submodels = store.submodels();
    submodels.setSubmodelElementValue(ID, "Details.A", new PropertyValue("2"));
    submodels.setSubmodelElementValue(ID, "Alerts[0].State", new PropertyValue("2"));
    submodels.setSubmodelElementValue(ID, "Life.Unit", new PropertyValue("2"));
    submodels.setSubmodelElementValue(ID, "Outer.Middle.Inner.P", new PropertyValue("2"));
    submodels.createSubmodelElement(ID, property("New", "2"));
    submodels.createSubmodelElement(ID, "Details", property("New", "2"));
    submodels.createSubmodelElement(ID, "Alerts", new DefaultSubmodelElementCollection());
    submodels.createSubmodelElement(ID, "Life", property("New", "2"));
    submodels.createSubmodelElement(ID, "Outer.Middle", property("New", "2"));
    submodels.updateSubmodelElement(ID, "First", property("First", "2"));
    submodels.updateSubmodelElement(ID, "Alerts[0]", collection(null, property("P", "3")));
    submodels.updateSubmodelElement(ID, "Details.C", property("Renamed", "2"));
    submodels.deleteSubmodelElement(ID, "Details.B");
    submodels.deleteSubmodelElement(ID, "Life.Text");
    submodels.deleteSubmodelElement(ID, "Alerts[1]");
  }

  private static Submodel everythingChanged() {
    Submodel changed = submodel(1);
    List<SubmodelElement> elements = new ArrayList<>(changed.getSubmodelElements());
    elements.set(0, property("First", "2"));
    ((SubmodelElementCollection) elements.get(1))
        .setValue(List.of(property("A", "2"), property("Renamed", "2"), property("New", "2")));
    ((SubmodelElementList) elements.get(2)).setValue(List.of(collection(null, property("P", "3"))));
    elements.set(
        3,
        new DefaultEntity.Builder()
            .idShort("Life")
            .statements(List.of(property("Unit", "2"), property("New", "2")))
            .build());
    elements.set(
        4,
        collection(
            "Outer",
            collection("Middle", collection("Inner", property("P", "2")), property("New", "2"))));
    elements.add(property("New", "2"));
    changed.setSubmodelElements(elements);
    return plain(changed);
  }

  @Test
  void changesAtEveryDepthOfSmallAndLargeContainersAreThere() {
    for (int size : SIZES) {
      assertThat(saved(submodel(size))).isEqualTo(plain(submodel(size)));
      changeEverything();
      assertThat(get(store)).isEqualTo(everythingChanged());
      store.close();
      store = open(folder);
      assertThat(get(store)).isEqualTo(everythingChanged());
    }
  }

  @Test
  void oneElementIsReadAsItStandsInTheWhole() {
    for (int size : SIZES) {
      Submodel whole = saved(submodel(size));
      for (SubmodelElement element : whole.getSubmodelElements()) {
        SubmodelElement read = store.submodels().getSubmodelElement(ID, element.getIdShort());
        assertThat(Json.read(Json.text(read), SubmodelElement.class)).isEqualTo(element);
      }
      assertThat(store.submodels().getSubmodelElement(ID, "Outer.Middle.Inner.P"))
          .isEqualTo(property("P", text(size)));
    }
  }

  @Test
  void aContainerThatGrowsIsSplitAndAppendedToByRows() {
    saved(submodel(collection("Records")));
    for (int i = 0; i < 40; i++) {
      store.submodels().createSubmodelElement(ID, "Records", property("P" + i, text(1000)));
    }
    assertThat(rows()).isGreaterThan(30);
    var records = (SubmodelElementCollection) get(store).getSubmodelElements().get(0);
    assertThat(records.getValue()).hasSize(40);
    assertThat(IntStream.range(0, 40))
        .allMatch(i -> records.getValue().get(i).getIdShort().equals("P" + i));
    store.submodels().deleteSubmodelElement(ID, "Records");
    assertThat(rows()).isZero();
  }

  @Test
  void shellsAndConceptDescriptionsAreThereAndGoneAfterADelete() {
    var shell =
        new DefaultAssetAdministrationShell.Builder()
            .id("urn:shell")
            .assetInformation(new DefaultAssetInformation())
            .build();
    var concept = new DefaultConceptDescription.Builder().id("urn:concept").build();
    store.shells().createAas(shell);
    store.conceptDescriptions().createConceptDescription(concept);
    saved(submodel(1));
    store.close();
    store = open(folder);
    assertThat(store.shells().getAas("urn:shell")).isEqualTo(shell);
    assertThat(store.conceptDescriptions().getConceptDescription("urn:concept")).isEqualTo(concept);
    store.shells().deleteAas("urn:shell");
    store.conceptDescriptions().deleteConceptDescription("urn:concept");
    store.submodels().deleteSubmodel(ID);
    assertThat(count("identifiable") + rows()).isZero();
  }

  @Test
  void listingsComeInPagesInTheOrderOfIds() {
    for (int i = 0; i < 25; i++) {
      store
          .shells()
          .createAas(
              new DefaultAssetAdministrationShell.Builder()
                  .id(String.format("urn:%03d:%s", i, text(i % 2 * 2000)))
                  .build());
    }
    List<String> seen = new ArrayList<>();
    String cursor = null;
    do {
      var page = store.shells().page(new PaginationInfo(10, cursor));
      page.getResult().forEach(shell -> seen.add(shell.getId().substring(0, 7)));
      cursor = page.getCursor();
    } while (cursor != null);
    assertThat(seen)
        .isEqualTo(IntStream.range(0, 25).mapToObj(i -> String.format("urn:%03d", i)).toList());
  }

  @Test
  void aRefusedChangeLeavesNoTrace() {
    for (int size : SIZES) {
      Submodel before = saved(submodel(size));
      SubmodelStore submodels = store.submodels();
      assertThatThrownBy(() -> submodels.createSubmodelElement(ID, "Details", property("A", "2")))
          .isInstanceOf(CollidingIdentifierException.class);
      assertThatThrownBy(() -> submodels.updateSubmodelElement(ID, "Details.A", property("C", "2")))
          .isInstanceOf(CollidingIdentifierException.class);
      assertThatThrownBy(() -> submodels.createSubmodelElement(ID, "Details", property(null, "2")))
          .isInstanceOf(StoreException.class);
      assertThatThrownBy(() -> submodels.createSubmodelElement(ID, "First", property("New", "2")))
          .isInstanceOf(StoreException.class);
      assertThatThrownBy(() -> store.submodels().createSubmodel(submodel()))
          .isInstanceOf(CollidingIdentifierException.class);
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
      assertThat(get(store)).isEqualTo(before);
    }
  }

  @Test
  void whatCouldNotBeReadBackIsRefused() {
    SubmodelElement nested = property("P", "1");
    for (int i = 0; i < Chunk.DEEPEST - 1; i++) {
      nested = collection("C", nested);
    }
    SubmodelElement deepest = nested;
    saved(submodel(deepest));
    assertThatThrownBy(() -> saved(submodel(collection("C", deepest))))
        .isInstanceOf(StoreException.class)
        .hasMessageContaining("nested");
    assertThatThrownBy(
            () ->
                store
                    .submodels()
                    .createSubmodelElement(ID, "C" + ".C".repeat(20), collection("D", deepest)))
        .isInstanceOf(StoreException.class);
    assertThatThrownBy(() -> saved(submodel(property("P", "\ud800"))))
        .isInstanceOf(StoreException.class)
        .hasMessageContaining("surrogate");
    assertThat(get(store)).isEqualTo(plain(submodel(deepest)));
  }

  @Test
  void parallelAppendsKeepEveryRecord() throws Exception {
    saved(submodel(1));
    ExecutorService pool = Executors.newFixedThreadPool(8);
    Callable<Void> append =
        () -> {
          for (int i = 0; i < 50; i++) {
            store
                .submodels()
                .createSubmodelElement(ID, "Alerts", collection(null, property("P", text(100))));
          }
          return null;
        };
    for (Future<Void> done : pool.invokeAll(Collections.nCopies(8, append))) {
      done.get();
    }
    pool.shutdown();
    assertThat(((SubmodelElementList) get(store).getSubmodelElements().get(2)).getValue())
        .hasSize(401);
  }

  @Test
  void anAttachmentGoesWithWhatNamesIt() {
    var file = new DefaultFile.Builder().idShort("File").contentType("text/csv").build();
    for (String path : List.of("File", "Details.File", "Outer.Middle.File")) {
      saved(submodel(20_000));
      String parent = path.contains(".") ? path.substring(0, path.lastIndexOf('.')) : null;
      if (parent == null) {
        store.submodels().createSubmodelElement(ID, file);
      } else {
        store.submodels().createSubmodelElement(ID, parent, file);
      }
      for (String content : List.of("first", "second")) {
        store
            .submodels()
            .setFileValue(ID, path, "a.csv", new ByteArrayInputStream(content.getBytes()));
        assertThat(store.submodels().getFileByPathSubmodel(ID, path)).hasContent(content);
        assertThat(attachments()).isEqualTo(1);
      }
      store.submodels().deleteSubmodelElement(ID, parent == null ? path : parent);
      assertThat(attachments()).isZero();
    }
  }

  private long attachments() {
    return count("attachment");
  }

  // ---- a store of version 1

  private static String line(String json) {
    CRC32 crc = new CRC32();
    crc.update(json.getBytes(StandardCharsets.UTF_8));
    return String.format("%08x %s\n", crc.getValue(), json);
  }

  private static String mark(Path document) throws IOException {
    byte[] content = Files.readAllBytes(document);
    CRC32 crc = new CRC32();
    crc.update(content);
    return String.format("%08x-%d", crc.getValue(), content.length);
  }

  private Path versionOne() throws IOException {
    Path old = temporary.resolve("old");
    for (String part :
        List.of("shells", "submodels", "concept-descriptions", "attachments/B0005.1")) {
      Files.createDirectories(old.resolve(part));
    }
    Files.writeString(
        old.resolve("store.json"), "{\"format\": \"battery twin store\", \"version\": 1}");
    Files.writeString(
        old.resolve("shells/aas.1.json"),
        "{\"modelType\":\"AssetAdministrationShell\",\"id\":\"urn:shell\"}");
    Path document = old.resolve("submodels/B0005.1.json");
    String value = "B0005.1/a.0123456789ab.csv";
    Files.writeString(
        document,
        Json.text(
            submodel(
                property("First", "1"),
                new DefaultFile.Builder().idShort("File").value(value).build(),
                collection("Records"))));
    Files.writeString(old.resolve("attachments/" + value), "content");
    Files.writeString(old.resolve("attachments/B0005.1/b.0123456789cd.csv"), "nothing names it");
    Files.writeString(
        old.resolve("submodels/B0005.1.json.journal"),
        line("{\"base\":\"something older\"}")
            + line("{\"remove\":\"WorkedIn\"}")
            + line("{\"rewritten\":\"" + mark(document) + "\"}")
            + line("{\"put\":\"First\",\"element\":" + Json.text(property("First", "2")) + "}")
            + line("{\"add\":\"Records\",\"element\":" + Json.text(property("R", "1")) + "}")
            + line("{\"add\":\"\",\"element\":" + Json.text(property("Last", "1")) + "}")
            + "cut off in a cra");
    return old;
  }

  private static Map<String, String> contents(Path folder) throws IOException {
    Map<String, String> contents = new TreeMap<>();
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path path : all.filter(Files::isRegularFile).toList()) {
        String name = folder.relativize(path).toString();
        if (!name.startsWith("twin.db") && !name.equals("lock")) {
          contents.put(name, Files.readString(path));
        }
      }
    }
    return contents;
  }

  @Test
  void aStoreOfVersionOneIsTakenOverOnceAndKept() throws IOException {
    Path old = versionOne();
    final Map<String, String> before = contents(old);
    try (Store taken = open(old)) {
      Submodel submodel = get(taken);
      assertThat(submodel.getSubmodelElements().get(0)).isEqualTo(property("First", "2"));
      assertThat(((SubmodelElementCollection) submodel.getSubmodelElements().get(2)).getValue())
          .containsExactly(property("R", "1"));
      assertThat(submodel.getSubmodelElements().get(3)).isEqualTo(property("Last", "1"));
      assertThat(taken.submodels().getFileByPathSubmodel(ID, "File")).hasContent("content");
      assertThat(taken.shells().getAas("urn:shell")).isNotNull();
      taken.submodels().deleteSubmodel(ID);
    }
    assertThat(contents(old.resolve("version-1"))).isEqualTo(before);
    assertThat(Files.readString(old.resolve("store.json"))).contains("\"version\": 2");
    try (Store again = open(old)) {
      assertThatThrownBy(() -> get(again)).isInstanceOf(ElementDoesNotExistException.class);
    }
  }

  @Test
  void aDamagedStoreOfVersionOneStopsTheStartByNameAndNothingIsTouched() throws IOException {
    Path old = versionOne();
    Path document = old.resolve("submodels/B0005.1.json");
    Path journal = old.resolve("submodels/B0005.1.json.journal");
    for (Path file : List.of(document, journal, old.resolve("store.json"))) {
      String good = Files.readString(file);
      Files.writeString(file, good.substring(0, good.length() / 2));
      if (file == journal) {
        Files.writeString(file, good.replaceFirst("[0-9a-f]", "#"));
      }
      Map<String, String> before = contents(old);
      assertThatThrownBy(() -> open(old).close())
          .isInstanceOf(StoreException.class)
          .hasMessageContaining(file.getFileName().toString());
      assertThat(contents(old)).isEqualTo(before);
      Files.writeString(file, good);
    }
    try (Store taken = open(old)) {
      assertThat(get(taken)).isNotNull();
    }
  }
}
