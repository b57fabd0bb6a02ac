package twin.store;

import java.io.File;
import java.io.InputStream;
import java.util.List;
import org.eclipse.digitaltwin.aas4j.v3.model.Referable;
import org.eclipse.digitaltwin.aas4j.v3.model.Submodel;
import org.eclipse.digitaltwin.aas4j.v3.model.SubmodelElement;
import org.eclipse.digitaltwin.basyx.core.exceptions.ElementNotAFileException;
import org.eclipse.digitaltwin.basyx.core.exceptions.FileDoesNotExistException;
import org.eclipse.digitaltwin.basyx.core.pagination.CursorResult;
import org.eclipse.digitaltwin.basyx.core.pagination.PaginationInfo;
import org.eclipse.digitaltwin.basyx.submodelservice.backend.SubmodelBackend;
import org.eclipse.digitaltwin.basyx.submodelservice.value.SubmodelElementValue;
import org.eclipse.digitaltwin.basyx.submodelservice.value.SubmodelValueOnly;
import org.eclipse.digitaltwin.basyx.submodelservice.value.factory.SubmodelElementValueMapperFactory;
import org.springframework.jdbc.core.JdbcTemplate;
import twin.store.Chunk.Holds;
import twin.store.Elements.Place;
import twin.store.Elements.Row;

/** Submodels: a row each, and rows for their elements. */
class SubmodelStore extends IdentifiableStore<Submodel> implements SubmodelBackend {

  private static final int ALL = Integer.MAX_VALUE;

  SubmodelStore(Database database) {
    super(database, "submodel", Submodel.class);
  }

  @Override
  protected Chunk chunk(Submodel submodel) {
    return Chunk.of(submodel);
  }

  @Override
  protected void saveContent(JdbcTemplate jdbc, Chunk chunk, Head head, boolean isNew) {
    Elements elements = new Elements(jdbc, head.nr());
    if (!isNew) {
      elements.deleteAll();
    }
    elements.insert(Elements.TOP, chunk.elements(), 1, head.version());
    if (!isNew) {
      Attachments.deleteUnused(jdbc, head.nr(), Attachments.of(jdbc, head.nr()));
    }
  }

  @Override
  protected void deleteContent(JdbcTemplate jdbc, Head head) {
    new Elements(jdbc, head.nr()).deleteAll();
    super.deleteContent(jdbc, head);
  }

  // ---- reading

  @Override
  protected Submodel fromRow(Head head) {
    return Stored.submodel(super.fromRow(head), source(head.nr()));
  }

  private Stored.Source source(long nr) {
    return new Stored.Source(database, nr, Holds.SUBMODEL, jdbc -> head(jdbc, nr).map(Row::of));
  }

  /** The submodel without its elements. */
  Submodel metadata(String id) {
    return super.fromRow(
        database.read(
            jdbc -> {
              Head head = existing(jdbc, id);
              Conditions.tell(Conditions.tag(head.version()));
              return head;
            }));
  }

  @Override
  public CursorResult<List<SubmodelElement>> getSubmodelElements(String id, PaginationInfo wanted) {
    int limit = wanted.hasLimit() ? wanted.getLimit() : ALL;
    return database.read(
        jdbc -> {
          Head head = existing(jdbc, id);
          Conditions.tell(Conditions.tag(head.version()));
          List<Row> rows =
              new Elements(jdbc, head.nr())
                  .page(wanted.hasCursor() ? wanted.getCursor() : "", limit);
          List<SubmodelElement> elements =
              rows.stream().map(row -> element(head.nr(), row)).toList();
          Referable last = rows.size() < limit ? null : elements.get(limit - 1);
          return new CursorResult<>(last == null ? null : Names.key(last.getIdShort()), elements);
        });
  }

  private SubmodelElement element(long owner, Row row) {
    if (row.holds() == Holds.NOTHING) {
      return Json.read(row.json(), SubmodelElement.class);
    }
    return Stored.container(
        row,
        new Stored.Source(
            database, owner, row.holds(), jdbc -> new Elements(jdbc, owner).row(row.nr())));
  }

  @Override
  public SubmodelElement getSubmodelElement(String id, String path) {
    return database.read(
        jdbc -> {
          Head head = existing(jdbc, id);
          Place place = new Elements(jdbc, head.nr()).find(path);
          Conditions.tell(place.tag());
          if (place.isSplit()) {
            return element(head.nr(), place.row());
          }
          return Conditions.isInvocation() ? place.invoked() : place.element();
        });
  }

  @Override
  public SubmodelElementValue getSubmodelElementValue(String id, String path) {
    SubmodelElement element = getSubmodelElement(id, path);
    if (element instanceof Stored.HasRows large) {
      return large.value();
    }
    return SubmodelElementValueMapperFactory.create(element).getValue();
  }

  SubmodelValueOnly values(String id) {
    Head head = database.read(jdbc -> existing(jdbc, id));
    Conditions.tell(Conditions.tag(head.version()));
    return new Stored.LazySubmodelValue(new Stored.LazyValue(source(head.nr())));
  }

  // ---- changing elements

  private interface Edit {
    void apply(Elements elements, Place place, long version);
  }

  /** Changes the element at the path, or what it holds, while no other writer can. */
  private void change(JdbcTemplate jdbc, String id, String path, Edit edit) {
    Head head = lock(jdbc, id);
    Elements elements = new Elements(jdbc, head.nr());
    Place place = elements.find(path);
    if (Conditions.any()) {
      Conditions.require(place.tag());
    }
    edit.apply(elements, place, head.version());
  }

  /** The same, and files that the element named before and nothing names now go. */
  private void replace(JdbcTemplate jdbc, String id, String path, Edit edit) {
    change(
        jdbc,
        id,
        path,
        (elements, place, version) -> {
          String before = place.row().json();
          List<String> files =
              place.isSplit() || before.contains("\"File\"")
                  ? Attachments.of(jdbc, elements.owner())
                  : List.of();
          edit.apply(elements, place, version);
          Attachments.deleteUnused(
              jdbc,
              elements.owner(),
              files.stream().filter(file -> place.isSplit() || before.contains(file)).toList());
        });
  }

  @Override
  public void setSubmodelElementValue(String id, String path, SubmodelElementValue value) {
    database.write(
        jdbc ->
            replace(
                jdbc,
                id,
                path,
                (elements, place, version) -> {
                  SubmodelElement element = elements.whole(place);
                  setValue(element, value);
                  elements.put(place, element, version);
                }));
  }

  @SuppressWarnings("unchecked")
  private static void setValue(SubmodelElement element, SubmodelElementValue value) {
    SubmodelElementValueMapperFactory.create(element).setValue(value);
  }

  @Override
  public void createSubmodelElement(String id, SubmodelElement element) {
    database.write(
        jdbc -> {
          Head head = lockIfMatches(jdbc, id);
          new Elements(jdbc, head.nr()).add(null, element, head.version());
        });
  }

  @Override
  public void createSubmodelElement(String id, String path, SubmodelElement element) {
    database.write(
        jdbc ->
            change(
                jdbc,
                id,
                path,
                (elements, place, version) -> elements.add(place, element, version)));
  }

  @Override
  public void updateSubmodelElement(String id, String path, SubmodelElement element) {
    database.write(
        jdbc ->
            replace(
                jdbc,
                id,
                path,
                (elements, place, version) -> elements.put(place, element, version)));
  }

  @Override
  public void deleteSubmodelElement(String id, String path) {
    database.write(
        jdbc ->
            replace(jdbc, id, path, (elements, place, version) -> elements.remove(place, version)));
  }

  @Override
  public void patchSubmodelElements(String id, List<SubmodelElement> elements) {
    Submodel submodel = metadata(id);
    submodel.setSubmodelElements(elements);
    replace(submodel);
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
  File file(String id, String path) {
    return database.read(
        jdbc -> {
          Place place = new Elements(jdbc, existing(jdbc, id).nr()).find(path);
          Conditions.tell(place.tag());
          return Attachments.copy(jdbc, fileAt(place, path).getValue());
        });
  }

  void setFile(String id, String path, String fileName, InputStream content) {
    database.write(
        jdbc ->
            replace(
                jdbc,
                id,
                path,
                (elements, place, version) -> {
                  var file = fileAt(place, path);
                  file.setValue(Attachments.save(jdbc, elements.owner(), id, fileName, content));
                  elements.put(place, file, version);
                }));
  }

  void deleteFile(String id, String path) {
    database.write(
        jdbc ->
            replace(
                jdbc,
                id,
                path,
                (elements, place, version) -> {
                  var file = fileAt(place, path);
                  if (!Attachments.exists(jdbc, file.getValue())) {
                    throw new FileDoesNotExistException();
                  }
                  file.setValue(null);
                  elements.put(place, file, version);
                }));
  }
}
