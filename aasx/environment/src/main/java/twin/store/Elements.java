package twin.store;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.Stack;
import org.eclipse.digitaltwin.aas4j.v3.model.SubmodelElement;
import org.eclipse.digitaltwin.basyx.core.exceptions.CollidingIdentifierException;
import org.eclipse.digitaltwin.basyx.core.exceptions.ElementDoesNotExistException;
import org.eclipse.digitaltwin.basyx.submodelservice.pathparsing.ListIndexPathToken;
import org.eclipse.digitaltwin.basyx.submodelservice.pathparsing.PathToken;
import org.eclipse.digitaltwin.basyx.submodelservice.pathparsing.SubmodelElementIdShortPathParser;
import org.springframework.jdbc.core.JdbcTemplate;
import twin.store.Chunk.Holds;

/**
 * The elements of one submodel, within one transaction. Only the rows on the path of what is asked
 * for are read, and only the row that changes is written.
 */
final class Elements {

  static final long TOP = 0;

  private static final String COLUMNS =
      "SELECT nr, holds, version, json, name, NULL AS value_only FROM element";
  private static final String VALUES =
      "SELECT nr, holds, version, CASE WHEN value_only IS NULL THEN json END, name, value_only"
          + " FROM element";

  private final JdbcTemplate jdbc;
  private final long owner;

  /**
   * @param owner nr of the submodel
   */
  Elements(JdbcTemplate jdbc, long owner) {
    this.jdbc = jdbc;
    this.owner = owner;
  }

  long owner() {
    return owner;
  }

  /**
   * A stored row; see {@link Chunk}.
   *
   * @param value only where values are read: the value-only form, or {@code null} and the JSON
   */
  record Row(long nr, Holds holds, long version, String json, String name, String value) {

    static Row of(ResultSet row) throws SQLException {
      String value = row.getString(6);
      if (value != null) { // all that is asked of most rows where values are read
        return new Row(0, Holds.NOTHING, 0, null, row.getString(5), value);
      }
      return new Row(
          row.getLong(1),
          Holds.valueOf(row.getString(2)),
          row.getLong(3),
          row.getString(4),
          row.getString(5),
          null);
    }

    /** The submodel itself. */
    static Row of(IdentifiableStore.Head head) {
      return new Row(TOP, Holds.SUBMODEL, head.version(), head.json(), null, null);
    }
  }

  /**
   * Where a path leads.
   *
   * @param containers the split containers on the way, outermost first, the row itself excluded
   * @param row that holds the element, {@code null} for the submodel itself
   * @param index of the row in its list, otherwise -1
   * @param inside what is left of the path within the row's JSON
   * @param json of the element itself where that is a part of the row, otherwise {@code null}
   */
  record Place(List<Row> containers, Row row, Deque<PathToken> inside, JsonNode json) {

    boolean isSplit() {
      return row.holds() != Holds.NOTHING;
    }

    Row container() {
      return containers.isEmpty() ? null : containers.get(containers.size() - 1);
    }

    /** The element itself; only for elements that are not split. */
    SubmodelElement element() {
      return json == null
          ? Json.read(row.json(), SubmodelElement.class)
          : Json.fromTree(json, SubmodelElement.class);
    }

    /** The same for an invocation: of an operation without its variables, which nobody asks for. */
    SubmodelElement invoked() {
      return json == null ? Json.readWithoutVariables(row.json()) : element();
    }

    String tag() {
      return json == null ? Conditions.tag(row.version()) : Conditions.tag(json.toString());
    }
  }

  private static Deque<PathToken> steps(String path) {
    Stack<PathToken> stack = new SubmodelElementIdShortPathParser().parsePathTokens(path);
    Deque<PathToken> steps = new ArrayDeque<>();
    while (!stack.isEmpty()) {
      steps.add(stack.pop());
    }
    return steps;
  }

  /**
   * @throws ElementDoesNotExistException if the path leads nowhere
   */
  Place find(String path) {
    Deque<PathToken> steps = steps(path);
    List<Row> containers = new ArrayList<>();
    Row row = null;
    while (!steps.isEmpty() && (row == null || row.holds() != Holds.NOTHING)) {
      if (row != null) {
        containers.add(row);
      }
      row = child(row, steps.pop());
    }
    if (row == null) {
      throw new ElementDoesNotExistException(path);
    }
    return new Place(
        containers, row, steps, steps.isEmpty() ? null : walk(Json.tree(row.json()), steps));
  }

  private Row child(Row container, PathToken step) {
    boolean byIndex = step instanceof ListIndexPathToken;
    boolean isList = isList(container);
    long parent = container == null ? TOP : container.nr();
    List<Row> found =
        byIndex != isList
            ? List.of()
            : byIndex
                ? rows(
                    " WHERE owner = ? AND parent = ? ORDER BY position LIMIT 1 OFFSET ?",
                    parent,
                    Integer.parseInt(step.getToken()))
                : rows(
                    " WHERE owner = ? AND parent = ? AND name = ? ORDER BY position LIMIT 1",
                    parent,
                    Names.key(step.getToken()));
    if (found.isEmpty()) {
      throw new ElementDoesNotExistException(step.getToken());
    }
    return found.get(0);
  }

  private List<Row> rows(String where, long parent, Object last) {
    return jdbc.query(COLUMNS + where, (row, i) -> Row.of(row), owner, parent, last);
  }

  private static JsonNode step(JsonNode parent, PathToken step) {
    int index = indexOf(parent, step);
    return array(parent).get(index);
  }

  private static JsonNode array(JsonNode container) {
    Holds holds = Holds.of(container.path("modelType").asText());
    return container.path(holds == Holds.NOTHING ? "" : holds.array());
  }

  private static int indexOf(JsonNode parent, PathToken step) {
    boolean isList = Holds.of(parent.path("modelType").asText()) == Holds.LIST;
    if (step instanceof ListIndexPathToken == isList) {
      int index =
          isList ? Integer.parseInt(step.getToken()) : indexOf(array(parent), step.getToken());
      if (index >= 0 && index < array(parent).size()) {
        return index;
      }
    }
    throw new ElementDoesNotExistException(step.getToken());
  }

  private static int indexOf(JsonNode elements, String idShort) {
    for (int i = 0; i < elements.size(); i++) {
      if (idShort != null && idShort.equals(elements.get(i).path("idShort").textValue())) {
        return i;
      }
    }
    return -1;
  }

  // ---- writing: the submodel's row is locked by then, and its version is the new one

  /** Puts the element in the place of another, and keeps the place. */
  void put(Place place, SubmodelElement element, long version) {
    Chunk chunk = Chunk.of(element, depth(place));
    if (place.inside().isEmpty()) {
      if (!isList(place.container())) {
        requireFree(element, idOfSibling(place.container(), chunk.name()), place.row().nr());
      }
      deleteBelow(place.row());
      overwrite(place, chunk, version);
      Conditions.tell(Conditions.tag(version));
    } else {
      Deque<PathToken> steps = new ArrayDeque<>(place.inside());
      PathToken last = steps.removeLast();
      JsonNode json = Json.tree(place.row().json());
      JsonNode parent = walk(json, steps);
      int index = indexOf(parent, last);
      if (!(last instanceof ListIndexPathToken)) {
        requireFree(element, indexOf(array(parent), element.getIdShort()), index);
      }
      JsonNode now = Json.toTree(element);
      ((ArrayNode) array(parent)).set(index, now);
      rewrite(place, json, version);
      Conditions.tell(Conditions.tag(now.toString()));
    }
    touch(place.containers(), version);
  }

  void remove(Place place, long version) {
    if (place.inside().isEmpty()) {
      deleteBelow(place.row());
      jdbc.update("DELETE FROM element WHERE nr = ?", place.row().nr());
    } else {
      Deque<PathToken> steps = new ArrayDeque<>(place.inside());
      PathToken last = steps.removeLast();
      JsonNode json = Json.tree(place.row().json());
      JsonNode parent = walk(json, steps);
      ArrayNode siblings = (ArrayNode) array(parent);
      siblings.remove(indexOf(parent, last));
      if (siblings.isEmpty()) {
        ((ObjectNode) parent).remove(Holds.of(parent.path("modelType").asText()).array());
      }
      rewrite(place, json, version);
    }
    touch(place.containers(), version);
  }

  /**
   * Appends the element.
   *
   * @param place of the container, {@code null} for the submodel itself
   */
  void add(Place place, SubmodelElement element, long version) {
    Chunk chunk = Chunk.of(element, place == null ? 1 : depth(place) + 1);
    if (place == null || place.isSplit()) {
      Row container = place == null ? null : place.row();
      if (isList(container)) {
        chunk = chunk.inList();
      } else {
        requireFree(element, idOfSibling(container, chunk.name()), -1);
      }
      long parent = container == null ? TOP : container.nr();
      insert(parent, List.of(chunk), nextPosition(parent), version);
      Conditions.tell(Conditions.tag(version));
      if (place != null) {
        touch(place.containers(), version);
        touch(List.of(container), version);
      }
      return;
    }
    JsonNode json = Json.tree(place.row().json());
    ObjectNode container = (ObjectNode) walk(json, place.inside());
    Holds holds = Holds.of(container.path("modelType").asText());
    if (holds == Holds.NOTHING) {
      throw new IllegalArgumentException("This element cannot hold elements");
    }
    ArrayNode elements = container.withArrayProperty(holds.array());
    if (holds != Holds.LIST) {
      requireFree(element, indexOf(elements, element.getIdShort()), -1);
    }
    elements.add(Json.toTree(element));
    boolean split = rewrite(place, json, version);
    if (place.inside().isEmpty()) {
      Conditions.tell(Conditions.tag(version));
    } else if (!split) {
      Conditions.tell(Conditions.tag(container.toString()));
    }
    touch(place.containers(), version);
  }

  private static int depth(Place place) {
    return place.containers().size() + place.inside().size() + 1;
  }

  private static JsonNode walk(JsonNode json, Iterable<PathToken> steps) {
    for (PathToken step : steps) {
      json = step(json, step);
    }
    return json;
  }

  private long idOfSibling(Row container, String name) {
    List<Long> found =
        jdbc.queryForList(
            "SELECT nr FROM element WHERE owner = ? AND parent = ? AND name = ? LIMIT 1",
            Long.class,
            owner,
            container == null ? TOP : container.nr(),
            name);
    return found.isEmpty() ? -1 : found.get(0);
  }

  /** Outside lists an element needs an idShort that no sibling has but the one it replaces. */
  private static void requireFree(SubmodelElement element, long found, long replaced) {
    if (element.getIdShort() == null || element.getIdShort().isBlank()) {
      throw new IllegalArgumentException("The element needs an idShort");
    }
    if (found >= 0 && found != replaced) {
      throw new CollidingIdentifierException(element.getIdShort());
    }
  }

  private boolean rewrite(Place place, JsonNode json, long version) {
    String text = json.toString();
    Chunk chunk =
        text.length() <= Chunk.LARGE
            ? new Chunk(Names.key(json.path("idShort").textValue()), Holds.NOTHING, text, null)
            : Chunk.of(Json.fromTree(json, SubmodelElement.class), place.containers().size() + 1);
    overwrite(place, chunk, version);
    return chunk.isSplit();
  }

  private static boolean isList(Row container) {
    return container != null && container.holds() == Holds.LIST;
  }

  private void overwrite(Place place, Chunk chunk, long version) {
    String name = isList(place.container()) ? null : chunk.name();
    jdbc.update(
        "UPDATE element SET name = ?, holds = ?, version = ?, json = ?, value_only = ? WHERE nr = ?",
        name,
        chunk.holds().name(),
        version,
        chunk.json(),
        Values.of(name, chunk.holds(), chunk.json()),
        place.row().nr());
    if (chunk.isSplit()) {
      insert(place.row().nr(), chunk.elements(), 1, version);
    }
  }

  /** Notes on containers that something in them has changed. */
  private void touch(List<Row> containers, long version) {
    for (Row container : containers) {
      jdbc.update("UPDATE element SET version = ? WHERE nr = ?", version, container.nr());
    }
  }

  private long nextPosition(long parent) {
    return jdbc.queryForObject(
        "SELECT COALESCE(MAX(position), 0) + 1 FROM element WHERE owner = ? AND parent = ?",
        Long.class,
        owner,
        parent);
  }

  void insert(long parent, List<Chunk> chunks, long firstPosition, long version) {
    List<Object[]> whole = new ArrayList<>();
    String insert =
        "INSERT INTO element (owner, parent, position, name, holds, version, json, value_only)"
            + " VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    for (int i = 0; i < chunks.size(); i++) {
      Chunk chunk = chunks.get(i);
      Object[] values = {
        owner,
        parent,
        firstPosition + i,
        chunk.name(),
        chunk.holds().name(),
        version,
        chunk.json(),
        Values.of(chunk.name(), chunk.holds(), chunk.json())
      };
      if (chunk.isSplit()) {
        long nr = jdbc.queryForObject(insert + " RETURNING nr", Long.class, values);
        insert(nr, chunk.elements(), 1, version);
      } else {
        whole.add(values);
      }
    }
    jdbc.batchUpdate(insert, whole);
  }

  private void deleteBelow(Row row) {
    if (row.holds() != Holds.NOTHING) {
      jdbc.update(
          "DELETE FROM element WHERE owner = ? AND nr IN (WITH RECURSIVE below (nr) AS ("
              + "SELECT nr FROM element WHERE owner = ? AND parent = ? UNION ALL "
              + "SELECT e.nr FROM element e JOIN below b ON e.parent = b.nr AND e.owner = ?) "
              + "SELECT nr FROM below)",
          owner,
          owner,
          row.nr(),
          owner);
    }
  }

  /** Deletes all elements of the submodel. */
  void deleteAll() {
    jdbc.update("DELETE FROM element WHERE owner = ?", owner);
  }

  // ---- reading

  Optional<Row> row(long nr) {
    return jdbc
        .query(COLUMNS + " WHERE owner = ? AND nr = ?", (row, i) -> Row.of(row), owner, nr)
        .stream()
        .findFirst();
  }

  /** The submodel's own elements in the order of their idShorts, for paging. */
  List<Row> page(String after, int limit) {
    return jdbc.query(
        COLUMNS + " WHERE owner = ? AND parent = ? AND name > ? ORDER BY name LIMIT ?",
        (row, i) -> Row.of(row),
        owner,
        TOP,
        after,
        limit);
  }

  /** Takes one JSON text after the other. */
  interface Sink {
    void accept(String json);
  }

  /** Takes an element that is not split, or opens and closes a container that is. */
  interface Visitor {
    void element(Row row);

    void open(Row container);

    void close(Row container);
  }

  /** Shows the elements below the parent in their order, reading one row after the other. */
  private void visit(String columns, long parent, Visitor visitor) {
    jdbc.query(
        columns + " WHERE owner = ? AND parent = ? ORDER BY position",
        (ResultSet found) -> {
          Row row = Row.of(found);
          if (row.holds() == Holds.NOTHING) {
            visitor.element(row);
          } else {
            visitor.open(row);
            visit(columns, row.nr(), visitor);
            visitor.close(row);
          }
        },
        owner,
        parent);
  }

  /** Shows the elements below the parent to one who writes their values. */
  void visitValues(long parent, Visitor visitor) {
    visit(VALUES, parent, visitor);
  }

  /** Writes a container, given by its own JSON and nr, with all its elements. */
  void write(String json, Holds holds, long nr, Sink sink) {
    Writer writer = new Writer(sink);
    Row container = new Row(nr, holds, 0, json, null, null);
    writer.begin(container);
    visit(COLUMNS, nr, writer);
    writer.close(container);
  }

  /**
   * The element as a Java object of its own, with everything in it.
   *
   * @throws StoreException if it is too large for that
   */
  SubmodelElement whole(Place place) {
    if (!place.isSplit()) {
      return place.element();
    }
    Row row = place.row();
    String json = Stored.whole(sink -> write(row.json(), row.holds(), row.nr(), sink));
    return Json.read(json, SubmodelElement.class);
  }

  private static final class Writer implements Visitor {
    private final Sink sink;
    private final Deque<Holds> open = new ArrayDeque<>();
    private boolean first;

    Writer(Sink sink) {
      this.sink = sink;
    }

    private void begin(Row container) {
      sink.accept(container.json().substring(0, container.json().length() - 1));
      open.push(container.holds());
      first = true;
    }

    private void next() {
      sink.accept(first ? ",\"" + open.peek().array() + "\":[" : ",");
      first = false;
    }

    @Override
    public void element(Row row) {
      next();
      sink.accept(row.json());
    }

    @Override
    public void open(Row container) {
      next();
      begin(container);
    }

    @Override
    public void close(Row container) {
      sink.accept(first ? "}" : "]}");
      open.pop();
      first = false;
    }
  }
}
