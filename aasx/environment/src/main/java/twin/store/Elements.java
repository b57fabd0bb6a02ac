package twin.store;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.Stack;
import java.util.function.Consumer;
import org.eclipse.digitaltwin.aas4j.v3.model.SubmodelElement;
import org.eclipse.digitaltwin.basyx.core.exceptions.CollidingIdentifierException;
import org.eclipse.digitaltwin.basyx.core.exceptions.ElementDoesNotExistException;
import org.eclipse.digitaltwin.basyx.submodelservice.pathparsing.ListIndexPathToken;
import org.eclipse.digitaltwin.basyx.submodelservice.pathparsing.PathToken;
import org.eclipse.digitaltwin.basyx.submodelservice.pathparsing.SubmodelElementIdShortPathParser;
import org.springframework.jdbc.core.JdbcTemplate;
import twin.store.Chunk.Holds;
import twin.store.IdentifiableStore.Head;

/**
 * The elements of one submodel, within one transaction. Only the rows on the path of what is asked
 * for are read, and only the row that changes is written.
 *
 * @param owner nr of the submodel
 * @param version of the submodel; where it is changed, the new one
 */
record Elements(JdbcTemplate jdbc, long owner, long version) {

  Elements(JdbcTemplate jdbc, Head submodel) {
    this(jdbc, submodel.nr(), submodel.version());
  }

  /** The nr of the submodel itself among its elements. */
  static final long TOP = 0;

  private static final String ROWS =
      "SELECT nr, holds, version, json, name, NULL FROM element WHERE owner = ? AND ";
  private static final String VALUES =
      "SELECT nr, holds, version, CASE WHEN value_only IS NULL THEN json END, name, value_only"
          + " FROM element WHERE owner = ? AND ";
  private static final String IN_ORDER = "parent = ? ORDER BY position";

  /**
   * A stored row; see {@link Chunk}.
   *
   * @param value only where values are read: the value-only form, or {@code null} and the JSON
   */
  record Row(long nr, Holds holds, long version, String json, String name, String value) {

    Row(ResultSet row, int number) throws SQLException {
      this(
          row.getLong(1),
          Holds.valueOf(row.getString(2)),
          row.getLong(3),
          row.getString(4),
          row.getString(5),
          row.getString(6));
    }

    boolean isSplit() {
      return holds != Holds.NOTHING;
    }

    boolean isList() {
      return holds == Holds.LIST;
    }

    /** With the value-only form (empty if there is none) unless it is split, and the whole name. */
    Row withValue() {
      if (value != null) {
        return this;
      }
      JsonNode element = Json.tree(json);
      String form = isSplit() ? null : Values.of(element).toString();
      return new Row(nr, holds, version, json, element.path("idShort").asText(), form);
    }
  }

  /**
   * Where a path leads.
   *
   * @param rows on the way: the submodel itself, split containers, at last the row with the element
   * @param inside what is left of the path within the JSON of that row
   * @param part the JSON of the element itself where that is a part of the row's, otherwise null
   */
  record Place(List<Row> rows, Deque<PathToken> inside, JsonNode part) {

    Row row() {
      return rows.get(rows.size() - 1);
    }

    private List<Row> containers() {
      return rows.subList(0, rows.size() - 1);
    }

    private Row container() {
      return rows.get(rows.size() - 2);
    }

    private int depth() {
      return rows.size() - 1 + inside.size();
    }

    boolean isSplit() {
      return row().isSplit();
    }

    /** The JSON of the element itself; only for elements that are not split. */
    JsonNode json() {
      return part == null ? Json.tree(row().json()) : part;
    }

    /** The element itself; only for elements that are not split. */
    SubmodelElement element() {
      return part == null
          ? Json.read(row().json(), SubmodelElement.class)
          : Json.fromTree(part, SubmodelElement.class);
    }

    /** The same for an invocation: of an operation without its variables, which nobody asks for. */
    SubmodelElement invoked() {
      return part == null ? Json.readWithoutVariables(row().json()) : element();
    }

    String tag() {
      return part == null ? Conditions.tag(row().version()) : Conditions.tag(part.toString());
    }
  }

  // ---- finding

  /** The submodel itself, as what holds elements. */
  static Place top() {
    Row submodel = new Row(TOP, Holds.SUBMODEL, 0, null, null, null);
    return new Place(List.of(submodel), new ArrayDeque<>(), null);
  }

  /**
   * @throws ElementDoesNotExistException if the path leads nowhere
   */
  Place find(String path) {
    Stack<PathToken> tokens = new SubmodelElementIdShortPathParser().parsePathTokens(path);
    Deque<PathToken> steps = new ArrayDeque<>();
    tokens.forEach(steps::addFirst);
    List<Row> rows = new ArrayList<>(top().rows());
    Row row = rows.get(0);
    while (row.isSplit() && !steps.isEmpty()) {
      row = child(row, steps.pop());
      rows.add(row);
    }
    if (rows.size() == 1) {
      throw new ElementDoesNotExistException(path);
    }
    return new Place(rows, steps, steps.isEmpty() ? null : walk(Json.tree(row.json()), steps));
  }

  private Row child(Row container, PathToken step) {
    boolean byIndex = step instanceof ListIndexPathToken;
    List<Row> found =
        byIndex != container.isList()
            ? List.of()
            : jdbc.query(
                ROWS
                    + (byIndex
                        ? IN_ORDER + " LIMIT 1 OFFSET ?"
                        : "parent = ? AND name = ? ORDER BY position LIMIT 1"),
                Row::new,
                owner,
                container.nr(),
                byIndex ? Integer.parseInt(step.getToken()) : Names.key(step.getToken()));
    return found.stream()
        .findFirst()
        .orElseThrow(() -> new ElementDoesNotExistException(step.getToken()));
  }

  private static JsonNode walk(JsonNode json, Iterable<PathToken> steps) {
    for (PathToken step : steps) {
      json = Holds.in(json).get(indexOf(json, step));
    }
    return json;
  }

  private static int indexOf(JsonNode container, PathToken step) {
    boolean isList = Holds.of(container) == Holds.LIST;
    if (step instanceof ListIndexPathToken == isList) {
      JsonNode elements = Holds.in(container);
      String token = step.getToken();
      int index = isList ? Integer.parseInt(token) : indexOf(elements, token);
      if (index >= 0 && index < elements.size()) {
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
  void put(Place place, SubmodelElement element) {
    Row container = place.container();
    Chunk chunk = Chunk.of(element, container.holds(), place.depth());
    if (place.inside().isEmpty()) {
      if (!container.isList()) {
        requireFree(element, sibling(container, chunk), place.row().nr());
      }
      overwrite(place, chunk);
      Conditions.tell(Conditions.tag(version));
    } else {
      change(
          place,
          (parent, index) -> {
            ArrayNode siblings = (ArrayNode) Holds.in(parent);
            if (Holds.of(parent) != Holds.LIST) {
              requireFree(element, indexOf(siblings, element.getIdShort()), index);
            }
            siblings.set(index, Json.tree(Json.text(element)));
            return siblings.get(index);
          });
    }
  }

  void remove(Place place) {
    if (place.inside().isEmpty()) {
      deleteBelow(place.row());
      jdbc.update("DELETE FROM element WHERE nr = ?", place.row().nr());
      touch(place.containers());
    } else {
      change(
          place,
          (parent, index) -> {
            ArrayNode siblings = (ArrayNode) Holds.in(parent);
            siblings.remove(index);
            if (siblings.isEmpty()) {
              ((ObjectNode) parent).remove(Holds.of(parent).array());
            }
            return null;
          });
    }
  }

  /**
   * Appends the element.
   *
   * @param place of the container
   */
  void add(Place place, SubmodelElement element) {
    Row row = place.row();
    Chunk chunk = Chunk.of(element, row.holds(), place.depth() + 1);
    if (place.isSplit()) {
      if (!row.isList()) {
        requireFree(element, sibling(row, chunk), -1);
      }
      long position =
          jdbc.queryForObject(
              "SELECT COALESCE(MAX(position), 0) + 1 FROM element WHERE owner = ? AND parent = ?",
              Long.class,
              owner,
              row.nr());
      insert(row.nr(), List.of(chunk), position);
      touch(place.rows());
      Conditions.tell(Conditions.tag(version));
      return;
    }
    JsonNode json = Json.tree(row.json());
    ObjectNode container = (ObjectNode) walk(json, place.inside());
    Holds holds = Holds.of(container);
    if (holds == Holds.NOTHING) {
      throw new IllegalArgumentException("This element cannot hold elements");
    }
    ArrayNode elements = container.withArrayProperty(holds.array());
    if (holds != Holds.LIST) {
      requireFree(element, indexOf(elements, element.getIdShort()), -1);
    }
    elements.add(Json.tree(Json.text(element)));
    rewrite(place, json, container);
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

  private long sibling(Row container, Chunk chunk) {
    return jdbc
        .queryForList(
            "SELECT nr FROM element WHERE owner = ? AND parent = ? AND name = ? LIMIT 1",
            Long.class,
            owner,
            container.nr(),
            chunk.name())
        .stream()
        .findFirst()
        .orElse(-1L);
  }

  /** Changes the container of an element; gives the element as it is then, if it is still there. */
  private interface Change {
    JsonNode apply(JsonNode container, int index);
  }

  private void change(Place place, Change change) {
    JsonNode json = Json.tree(place.row().json());
    Deque<PathToken> steps = new ArrayDeque<>(place.inside());
    PathToken last = steps.removeLast();
    JsonNode container = walk(json, steps);
    rewrite(place, json, change.apply(container, indexOf(container, last)));
  }

  /**
   * @param named what the caller's URL names, within the row's JSON
   */
  private void rewrite(Place place, JsonNode json, JsonNode named) {
    String text = json.toString();
    Chunk chunk =
        text.length() <= Chunk.LARGE
            ? new Chunk(place.row().name(), Holds.NOTHING, text, List.of())
            : Chunk.of(
                Json.fromTree(json, SubmodelElement.class),
                place.container().holds(),
                place.rows().size() - 1);
    overwrite(place, chunk);
    if (place.inside().isEmpty()) {
      Conditions.tell(Conditions.tag(version));
    } else if (named != null && !chunk.isSplit()) {
      Conditions.tell(Conditions.tag(named.toString()));
    }
  }

  private void overwrite(Place place, Chunk chunk) {
    deleteBelow(place.row());
    jdbc.update(
        "UPDATE element SET name = ?, holds = ?, version = ?, json = ?, value_only = ? WHERE nr ="
            + " ?",
        chunk.name(),
        chunk.holds().name(),
        version,
        chunk.json(),
        Values.beside(chunk),
        place.row().nr());
    insert(place.row().nr(), chunk.elements(), 1);
    touch(place.containers());
  }

  /** Notes on containers that something in them has changed; the submodel itself has it already. */
  private void touch(List<Row> containers) {
    for (Row container : containers) {
      if (container.nr() != TOP) {
        jdbc.update("UPDATE element SET version = ? WHERE nr = ?", version, container.nr());
      }
    }
  }

  void insert(long parent, List<Chunk> chunks, long firstPosition) {
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
        Values.beside(chunk)
      };
      if (chunk.isSplit()) {
        long nr = jdbc.queryForObject(insert + " RETURNING nr", Long.class, values);
        insert(nr, chunk.elements(), 1);
      } else {
        whole.add(values);
      }
    }
    jdbc.batchUpdate(insert, whole);
  }

  private void deleteBelow(Row row) {
    if (row.isSplit()) {
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

  void deleteAll() {
    jdbc.update("DELETE FROM element WHERE owner = ?", owner);
  }

  // ---- reading

  /**
   * @param nr of a row; {@link #TOP} for the submodel itself
   */
  Optional<Row> row(long nr) {
    List<Row> found =
        nr == TOP
            ? jdbc.query(
                "SELECT 0, 'SUBMODEL', version, json, name, NULL FROM identifiable WHERE nr = ?",
                Row::new,
                owner)
            : jdbc.query(ROWS + "nr = ?", Row::new, owner, nr);
    return found.stream().findFirst();
  }

  /**
   * Elements in the order of their idShorts, for paging.
   *
   * @param parent nr of what they stand in
   */
  List<Row> page(long parent, String after, int limit) {
    String where = "parent = ? AND name > ? ORDER BY name LIMIT ?";
    return jdbc.query(ROWS + where, Row::new, owner, parent, after, limit);
  }

  /**
   * Writes a row with all that is below it, reading one row after the other.
   *
   * @param values whether in the value-only form, without elements that have none
   */
  void write(Row row, boolean values, Consumer<String> out) {
    if (!row.isSplit()) {
      out.accept(values ? row.withValue().value() : row.json());
      return;
    }
    if (values && row.holds() == Holds.ENTITY) { // has more than elements: BaSyx knows its form
      String whole = Stored.whole(text -> write(row, false, text));
      out.accept(Values.of(Json.tree(whole)).toString());
      return;
    }
    String open = values ? row.isList() ? "[" : "{" : Chunk.open(row.json(), row.holds());
    String close = values ? row.isList() ? "]" : "}" : "]}";
    String[] before = {open};
    jdbc.query(
        (values ? VALUES : ROWS) + IN_ORDER,
        (ResultSet found) -> {
          Row inner = values ? new Row(found, 0).withValue() : new Row(found, 0);
          if (!"".equals(inner.value())) {
            boolean isNamed = values && !row.isList();
            out.accept(before[0] + (isNamed ? TextNode.valueOf(inner.name()) + ":" : ""));
            before[0] = ",";
            write(inner, values, out);
          }
        },
        owner,
        row.nr());
    String empty = values ? open + close : row.json();
    out.accept(before[0].equals(open) ? empty : close);
  }
}
