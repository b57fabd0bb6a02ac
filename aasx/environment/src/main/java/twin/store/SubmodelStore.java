package twin.store;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import java.util.stream.Collectors;
import org.eclipse.digitaltwin.aas4j.v3.model.OperationVariable;
import org.eclipse.digitaltwin.aas4j.v3.model.Submodel;
import org.eclipse.digitaltwin.aas4j.v3.model.SubmodelElement;
import org.eclipse.digitaltwin.basyx.core.exceptions.ElementNotAFileException;
import org.eclipse.digitaltwin.basyx.core.exceptions.FileDoesNotExistException;
import org.eclipse.digitaltwin.basyx.core.exceptions.NotInvokableException;
import org.eclipse.digitaltwin.basyx.core.pagination.CursorResult;
import org.eclipse.digitaltwin.basyx.core.pagination.PaginationInfo;
import org.eclipse.digitaltwin.basyx.submodelrepository.SubmodelRepository;
import org.eclipse.digitaltwin.basyx.submodelservice.value.SubmodelElementValue;
import org.eclipse.digitaltwin.basyx.submodelservice.value.SubmodelValueOnly;
import org.eclipse.digitaltwin.basyx.submodelservice.value.factory.SubmodelElementValueMapperFactory;
import twin.store.Chunk.Holds;
import twin.store.Elements.Place;
import twin.store.Elements.Row;

/** Submodels: a row each, and rows for their elements. */
class SubmodelStore extends IdentifiableStore<Submodel> implements SubmodelRepository {

  SubmodelStore(Database database) {
    super(database, SUBMODEL, Submodel.class);
  }

  // ---- submodels

  @Override
  public CursorResult<List<Submodel>> getAllSubmodels(PaginationInfo wanted) {
    return page(wanted);
  }

  @Override
  public CursorResult<List<Submodel>> getAllSubmodels(String semanticId, PaginationInfo wanted) {
    return page(wanted, semanticId);
  }

  @Override
  public Submodel getSubmodel(String id) {
    return get(id);
  }

  @Override
  protected Submodel fromRow(Head head) {
    return stored(head.nr(), Elements.TOP, false).lazy(Submodel.class, Holds.SUBMODEL, head.json());
  }

  /** The submodel without its elements. */
  @Override
  public Submodel getSubmodelByIdMetadata(String id) {
    return super.fromRow(database.read(jdbc -> told(jdbc, id)));
  }

  @Override
  public SubmodelValueOnly getSubmodelByIdValueOnly(String id) {
    Head head = database.read(jdbc -> told(jdbc, id));
    return stored(head.nr(), Elements.TOP, true);
  }

  @Override
  public void createSubmodel(Submodel submodel) {
    create(submodel);
  }

  @Override
  public void updateSubmodel(String id, Submodel submodel) {
    replace(id, submodel);
  }

  @Override
  public void patchSubmodelElements(String id, List<SubmodelElement> elements) {
    Submodel submodel = getSubmodelByIdMetadata(id);
    submodel.setSubmodelElements(elements);
    replace(id, submodel);
  }

  /**
   * Puts the elements in the place of those of the same idShort; see {@link Elements#mergeAll}.
   *
   * @param given elements as a client sends them
   * @param files content of the attachments that they name
   */
  void merge(String id, JsonNode given, Map<String, byte[]> files) {
    database.write(
        jdbc -> {
          Head head = lockIfMatches(jdbc, id);
          List<String> before = Attachments.of(jdbc, head.nr());
          files.forEach(
              (value, content) ->
                  Attachments.save(jdbc, head.nr(), value, new ByteArrayInputStream(content)));
          String replaced = new Elements(jdbc, head).mergeAll(Elements.top(), given);
          before = before.stream().filter(replaced::contains).toList();
          Attachments.deleteUnused(jdbc, head.nr(), before);
          Conditions.tell(Conditions.tag(head.version()));
        });
  }

  /** The same for one element, which comes to the place of the path. */
  void merge(String id, String path, JsonNode given, Map<String, byte[]> files) {
    replace(
        id,
        path,
        (elements, place) -> {
          files.forEach(
              (value, content) ->
                  Attachments.save(
                      elements.jdbc(), elements.owner(), value, new ByteArrayInputStream(content)));
          elements.merge(place, given);
        });
  }

  @Override
  public void deleteSubmodel(String id) {
    delete(id);
  }

  // ---- reading elements

  /**
   * What lies in a row and below it.
   *
   * @param values whether in the value-only form
   */
  private Stored stored(long owner, long nr, boolean values) {
    return new Stored(
        database,
        (jdbc, out) -> {
          Elements elements = new Elements(jdbc, owner, 0);
          elements.row(nr).ifPresent(row -> elements.write(row, values, out));
        });
  }

  private SubmodelElement element(long owner, Row row) {
    return row.isSplit()
        ? stored(owner, row.nr(), false).lazy(SubmodelElement.class, row.holds(), row.json())
        : Json.read(row.json(), SubmodelElement.class);
  }

  /** Reads the element at the path, and gives the caller its tag. */
  private <T> T read(String id, String path, BiFunction<Elements, Place, T> reading) {
    return database.read(
        jdbc -> {
          Elements elements = new Elements(jdbc, existing(jdbc, id));
          Place place = elements.find(path);
          Conditions.tell(place.tag());
          return reading.apply(elements, place);
        });
  }

  @Override
  public CursorResult<List<SubmodelElement>> getSubmodelElements(String id, PaginationInfo wanted) {
    int limit = wanted.hasLimit() ? wanted.getLimit() : Integer.MAX_VALUE;
    String after = wanted.hasCursor() ? wanted.getCursor() : "";
    return database.read(
        jdbc -> {
          Head head = told(jdbc, id);
          List<Row> rows = new Elements(jdbc, head).page(Elements.TOP, after, limit);
          String next = rows.size() < limit ? null : rows.get(limit - 1).name();
          return new CursorResult<>(
              next, rows.stream().map(row -> element(head.nr(), row)).toList());
        });
  }

  @Override
  public SubmodelElement getSubmodelElement(String id, String path) {
    return read(
        id,
        path,
        (elements, place) -> {
          if (place.isSplit()) {
            return element(elements.owner(), place.row());
          }
          return Conditions.isInvocation() ? place.invoked() : place.element();
        });
  }

  @Override
  public SubmodelElementValue getSubmodelElementValue(String id, String path) {
    return read(
        id,
        path,
        (elements, place) -> {
          if (place.isSplit()) {
            Optional<Page> page =
                Page.asked().filter(asked -> place.row().holds() == Holds.COLLECTION);
            return page.isPresent()
                ? page(elements, place.row(), page.get())
                : stored(elements.owner(), place.row().nr(), true);
          }
          String value = Values.of(place.json()).toString();
          if (value.isEmpty()) {
            throw StoreException.refused(
                "An element of this kind has no value", "Read it without $value.");
          }
          return new Stored(database, (jdbc, out) -> out.accept(value));
        });
  }

  private Stored page(Elements elements, Row container, Page page) {
    List<Row> rows = elements.page(container.nr(), page.after(), page.limit());
    if (rows.size() == page.limit()) {
      page.tellNext(rows.get(rows.size() - 1).name());
    }
    String values =
        rows.stream()
            .map(Row::withValue)
            .filter(row -> !"".equals(row.value()))
            .map(
                row ->
                    TextNode.valueOf(row.name())
                        + ":"
                        + Stored.whole(out -> elements.write(row, true, out)))
            .collect(Collectors.joining(",", "{", "}"));
    return new Stored(database, (jdbc, out) -> out.accept(values));
  }

  @Override
  public OperationVariable[] invokeOperation(String id, String path, OperationVariable[] input) {
    getSubmodelElement(id, path);
    throw new NotInvokableException(path);
  }

  // ---- changing elements

  /** Changes the element at the path, or what it holds, while no other writer can. */
  private void change(String id, String path, BiConsumer<Elements, Place> edit) {
    database.write(
        jdbc -> {
          Elements elements = new Elements(jdbc, lock(jdbc, id));
          Place place = elements.find(path);
          Conditions.require(place::tag);
          edit.accept(elements, place);
        });
  }

  /** The same, and files that the element named before and nothing names now go. */
  private void replace(String id, String path, BiConsumer<Elements, Place> edit) {
    change(
        id,
        path,
        (elements, place) -> {
          String before = place.row().json();
          boolean mayNameFiles = place.isSplit() || before.contains("\"File\"");
          List<String> files =
              mayNameFiles ? Attachments.of(elements.jdbc(), elements.owner()) : List.of();
          edit.accept(elements, place);
          files = files.stream().filter(f -> place.isSplit() || before.contains(f)).toList();
          Attachments.deleteUnused(elements.jdbc(), elements.owner(), files);
        });
  }

  @Override
  @SuppressWarnings("unchecked")
  public void setSubmodelElementValue(String id, String path, SubmodelElementValue value) {
    replace(
        id,
        path,
        (elements, place) -> {
          Row row = place.row();
          SubmodelElement element =
              place.isSplit()
                  ? Json.read(
                      Stored.whole(out -> elements.write(row, false, out)), SubmodelElement.class)
                  : place.element();
          SubmodelElementValueMapperFactory.create(element).setValue(value);
          elements.put(place, element);
        });
  }

  @Override
  public void createSubmodelElement(String id, SubmodelElement element) {
    database.write(
        jdbc -> new Elements(jdbc, lockIfMatches(jdbc, id)).add(Elements.top(), element));
  }

  @Override
  public void createSubmodelElement(String id, String path, SubmodelElement element) {
    change(id, path, (elements, place) -> elements.add(place, element));
  }

  @Override
  public void updateSubmodelElement(String id, String path, SubmodelElement element) {
    replace(id, path, (elements, place) -> elements.put(place, element));
  }

  @Override
  public void deleteSubmodelElement(String id, String path) {
    replace(id, path, Elements::remove);
  }

  // ---- files

  private static org.eclipse.digitaltwin.aas4j.v3.model.File fileAt(Place place, String path) {
    if (!place.isSplit()
        && place.element() instanceof org.eclipse.digitaltwin.aas4j.v3.model.File file) {
      return file;
    }
    throw new ElementNotAFileException(path);
  }

  /**
   * @return a copy of the attachment, until the request ends
   */
  @Override
  public File getFileByPathSubmodel(String id, String path) {
    return read(
        id,
        path,
        (elements, place) -> Attachments.copy(elements.jdbc(), fileAt(place, path).getValue()));
  }

  @Override
  public InputStream getFileByFilePath(String id, String value) {
    try {
      return Files.newInputStream(database.read(jdbc -> Attachments.copy(jdbc, value)).toPath());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void setFileValue(String id, String path, String fileName, InputStream content) {
    replace(
        id,
        path,
        (elements, place) -> {
          var file = fileAt(place, path);
          file.setValue(Attachments.newValue(fileName));
          Attachments.save(elements.jdbc(), elements.owner(), file.getValue(), content);
          elements.put(place, file);
        });
  }

  @Override
  public void deleteFileValue(String id, String path) {
    replace(
        id,
        path,
        (elements, place) -> {
          var file = fileAt(place, path);
          if (Attachments.find(elements.jdbc(), file.getValue()).isEmpty()) {
            throw new FileDoesNotExistException();
          }
          file.setValue(null);
          elements.put(place, file);
        });
  }
}
