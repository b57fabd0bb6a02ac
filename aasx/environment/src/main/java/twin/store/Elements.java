package twin.store;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
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

  private static final long NONE = -1;

  private static final String ROWS =
      "SELECT nr, holds, version, json, name, NULL FROM element WHERE owner = ? AND ";
  private static final String VALUES =
      "SELECT nr, holds, version, CASE WHEN value_only IS NULL THEN json END, name, value_only"
          + " FROM element WHERE owner = ? AND ";
  private static final String IN_ORDER = "parent = ? ORDER BY position";
  private static final String BY_NAME = "parent = ? AND name = ? ORDER BY position LIMIT 1";

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
      JsonNode element = Json.parse(json);
      String form = isSplit() ? null : Values.of(element).toString();
      return new Row(nr, holds, version, json, element.path("idShort").asText(), form);
    }
  }

  /**
   * Where a path leads.
   *
   * @param rows on the way: the submodel itself, split containers, at last the row with the element
   * @param inside the way on in the JSON of that row, from the whole to the element; empty where
   *     the row is the element
   * @param index of the element in the last but one of these
   */
  record Place(List<Row> rows, List<JsonNode> inside, int index) {

    Row row() {
      return rows.get(rows.size() - 1);
    }

    private List<Row> containers() {
      return rows.subList(0, rows.size() - 1);
    }

    private Row container() {
      return rows.get(rows.size() - 2);
    }

    private ObjectNode containerInside() {
      return (ObjectNode) inside.get(inside.size() - 2);
    }

    private boolean isRow() {
      return inside.isEmpty();
    }

    boolean isSplit() {
      return row().isSplit();
    }

    /** The JSON of the element itself; only for elements that are not split. */
    JsonNode json() {
      return isRow() ? Json.parse(row().json()) : inside.get(inside.size() - 1);
    }

    /** The element itself; only for elements that are not split. */
    SubmodelElement element() {
      return isRow()
          ? Json.read(row().json(), SubmodelElement.class)
          : Json.fromTree(json(), SubmodelElement.class);
    }

    /** The same for an invocation: of an operation without its variables, which nobody asks for. */
    SubmodelElement invoked() {
      return isRow() ? Json.readWithoutVariables(row().json()) : element();
    }

    String tag() {
      return isRow() ? Conditions.tag(row().version()) : Conditions.tag(json().toString());
    }
  }

  // ---- finding

  /** The submodel itself, as what holds elements. */
  static Place top() {
    return new Place(List.of(new Row(TOP, Holds.SUBMODEL, 0, null, null, null)), List.of(), 0);
  }

  /**
   * @throws ElementDoesNotExistException if the path leads nowhere
   */
  Place find(String path) {
    List<PathToken> steps = new SubmodelElementIdShortPathParser().parsePathTokens(path);
    Collections.reverse(steps);
    List<Row> rows = new ArrayList<>(top().rows());
    List<JsonNode> inside = new ArrayList<>();
    int index = 0;
    for (PathToken step : steps) {
      Row row = rows.get(rows.size() - 1);
      if (row.isSplit()) {
        rows.add(child(row, step));
      } else {
        if (inside.isEmpty()) {
          inside.add(Json.parse(row.json()));
        }
        JsonNode container = inside.get(inside.size() - 1);
        index = indexOf(container, step);
        inside.add(Holds.in(container).get(index));
      }
    }
    if (rows.size() == 1) {
      throw new ElementDoesNotExistException(path);
    }
    return new Place(rows, inside, index);
  }

  private Row child(Row container, PathToken step) {
    boolean byIndex = step instanceof ListIndexPathToken;
    String which = byIndex ? IN_ORDER + " LIMIT 1 OFFSET ?" : BY_NAME;
    Object key = byIndex ? Integer.parseInt(step.getToken()) : Names.key(step.getToken());
    return (byIndex == container.isList() ? first(which, container, key) : Optional.<Row>empty())
        .orElseThrow(() -> new ElementDoesNotExistException(step.getToken()));
  }

  private Optional<Row> first(String which, Row container, Object key) {
    return jdbc.query(ROWS + which, Row::new, owner, container.nr(), key).stream().findFirst();
  }

  private static int indexOf(JsonNode container, PathToken step) {
    boolean byIndex = step instanceof ListIndexPathToken;
    JsonNode elements = Holds.in(container);
    int index = byIndex ? Integer.parseInt(step.getToken()) : indexOf(elements, step.getToken());
    if (byIndex != (Holds.of(container) == Holds.LIST) || !elements.has(index)) {
      throw new ElementDoesNotExistException(step.getToken());
    }
    return index;
  }

  private static int indexOf(JsonNode elements, String idShort) {
    return elements.valueStream().map(Elements::idShort).toList().indexOf(idShort);
  }

  private static String idShort(JsonNode element) {
    return element.path("idShort").textValue();
  }

  // ---- writing: the submodel's row is locked by then, and its version is the new one

  /** Puts the element in the place of another, and keeps the place. */
  void put(Place place, SubmodelElement element) {
    put(place, Json.tree(element));
  }

  /**
   * @param json in its {@link Form}
   */
  private void put(Place place, JsonNode json) {
    Row container = place.container();
    if (place.isRow()) {
      Chunk chunk = Chunk.of(json, container.holds(), place.rows().size() - 1);
      requireFree(json, container.holds(), () -> sibling(container, chunk), place.row().nr());
      overwrite(place, chunk);
    } else {
      Holds holds = Holds.of(place.containerInside());
      ArrayNode siblings = (ArrayNode) Holds.in(place.containerInside());
      requireFree(json, holds, () -> indexOf(siblings, idShort(json)), place.index());
      siblings.set(place.index(), json);
      rewrite(place, place.inside().get(0), json);
    }
  }

  /**
   * Puts each element in the place of the one with its idShort, or adds it; what stands beside them
   * stays. A collection that is there is not replaced: the elements of the given one come into it
   * in the same way.
   *
   * @param container the submodel itself, or a split collection
   * @param given elements as clients send them
   * @return the JSON of all that was there before
   */
  String mergeAll(Place container, JsonNode given) {
    StringBuilder before = new StringBuilder();
    for (JsonNode element : given) {
      Optional<Row> known = first(BY_NAME, container.row(), Names.key(idShort(element)));
      if (known.isEmpty()) {
        add(container, Form.of(element));
        continue;
      }
      List<Row> rows = new ArrayList<>(container.rows());
      rows.add(known.get());
      before.append(merge(new Place(rows, List.of(), 0), element));
    }
    return before.toString();
  }

  /** The same for one element, which comes to this place. */
  String merge(Place place, JsonNode element) {
    Row row = place.row();
    JsonNode known = place.isSplit() ? Json.parse(row.json()) : place.json();
    if (element.has("idShort") && !element.get("idShort").equals(known.get("idShort"))) {
      throw StoreException.refused(
          "PATCH gives an element no other idShort", "Nothing was changed. Send its own, or none.");
    }
    boolean isMerged = Holds.of(element) == Holds.COLLECTION && Holds.of(known) == Holds.COLLECTION;
    if (isMerged && place.isSplit()) {
      return mergeAll(place, Form.elements(element, known));
    }
    StringBuilder before = new StringBuilder();
    write(row, false, before::append);
    if (isMerged) {
      merge((ObjectNode) known, element);
      rewrite(place, place.isRow() ? known : place.inside().get(0), known);
    } else {
      put(place, place.isSplit() ? Form.of(element) : Form.of(element, known));
    }
    return before.toString();
  }

  private static void merge(ObjectNode collection, JsonNode given) {
    JsonNode news = Form.elements(given, collection);
    ArrayNode elements = collection.withArrayProperty(Holds.COLLECTION.array());
    for (JsonNode element : news) {
      String idShort = idShort(element);
      int index = indexOf(elements, idShort);
      JsonNode known = elements.path(index);
      if (idShort == null || idShort.isBlank()) {
        throw StoreException.refused("The element needs an idShort", "Nothing was changed.");
      } else if (index < 0) {
        elements.add(Form.of(element));
      } else if (Holds.of(element) == Holds.COLLECTION && Holds.of(known) == Holds.COLLECTION) {
        merge((ObjectNode) known, element);
      } else {
        elements.set(index, Form.of(element, known));
      }
    }
    if (elements.isEmpty()) {
      collection.remove(Holds.COLLECTION.array());
    }
  }

  void remove(Place place) {
    if (place.isRow()) {
      deleteBelow(place.row());
      jdbc.update("DELETE FROM element WHERE nr = ?", place.row().nr());
      touch(place.containers());
    } else {
      ArrayNode siblings = (ArrayNode) Holds.in(place.containerInside());
      siblings.remove(place.index());
      if (siblings.isEmpty()) {
        place.containerInside().remove(Holds.of(place.containerInside()).array());
      }
      rewrite(place, place.inside().get(0), null);
    }
  }

  /**
   * Appends the element.
   *
   * @param place of the container
   */
  void add(Place place, SubmodelElement element) {
    add(place, Json.tree(element));
  }

  /**
   * @param json in its {@link Form}
   */
  private void add(Place place, JsonNode json) {
    Row row = place.row();
    if (place.isSplit()) {
      Chunk chunk = Chunk.of(json, row.holds(), place.rows().size());
      requireFree(json, row.holds(), () -> sibling(row, chunk), NONE);
      String last = "SELECT COALESCE(MAX(position), 0) FROM element WHERE owner = ? AND parent = ?";
      insert(row.nr(), List.of(chunk), jdbc.queryForObject(last, Long.class, owner, row.nr()) + 1);
      touch(place.rows());
      Conditions.tell(Conditions.tag(version));
      return;
    }
    ObjectNode container = (ObjectNode) place.json();
    Holds holds = Holds.of(container);
    if (holds == Holds.NOTHING) {
      throw StoreException.refused("This element cannot hold elements", "Nothing was changed.");
    }
    Chunk.check(json, place.rows().size() + Math.max(0, place.inside().size() - 1));
    ArrayNode elements = container.withArrayProperty(holds.array());
    requireFree(json, holds, () -> indexOf(elements, idShort(json)), NONE);
    elements.add(json);
    rewrite(place, place.isRow() ? container : place.inside().get(0), container);
  }

  /** Outside lists an element needs an idShort that no sibling has but the one it replaces. */
  private static void requireFree(
      JsonNode element, Holds container, LongSupplier sibling, long replaced) {
    if (container == Holds.LIST) {
      return;
    }
    String idShort = idShort(element);
    if (idShort == null || idShort.isBlank()) {
      throw StoreException.refused("The element needs an idShort", "Nothing was changed.");
    }
    long found = sibling.getAsLong();
    if (found != NONE && found != replaced) {
      throw new CollidingIdentifierException(idShort);
    }
  }

  private long sibling(Row container, Chunk chunk) {
    return first(BY_NAME, container, chunk.name()).map(Row::nr).orElse(NONE);
  }

  /**
   * @param json of the row
   * @param named what the caller's URL names in it
   */
  private void rewrite(Place place, JsonNode json, JsonNode named) {
    Chunk chunk = Chunk.of(json, place.container().holds(), place.rows().size() - 1);
    overwrite(place, chunk);
    if (!place.isRow() && named != null && !chunk.isSplit()) {
      Conditions.tell(Conditions.tag(named.toString()));
    }
  }

  private void overwrite(Place place, Chunk chunk) {
    deleteBelow(place.row());
    long nr = place.row().nr();
    String holds = chunk.holds().name();
    String sql =
        "UPDATE element SET name = ?, holds = ?, version = ?, json = ?, value_only = ? WHERE nr = ?";
    jdbc.update(sql, chunk.name(), holds, version, chunk.json(), chunk.value(), nr);
    insert(nr, chunk.elements(), 1);
    touch(place.containers());
    if (place.isRow()) {
      Conditions.tell(Conditions.tag(version));
    }
  }

  /** Notes on containers that something in them has changed; the submodel itself has it already. */
  private void touch(List<Row> containers) {
    String sql = "UPDATE element SET version = ? WHERE nr = ?";
    containers.stream().skip(1).forEach(row -> jdbc.update(sql, version, row.nr()));
  }

  void insert(long parent, List<Chunk> chunks, long position) {
    List<Object[]> whole = new ArrayList<>();
    String insert =
        "INSERT INTO element (owner, parent, position, name, holds, version, json, value_only)"
            + " VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    for (Chunk chunk : chunks) {
      Object[] values = {
        owner,
        parent,
        position++,
        chunk.name(),
        chunk.holds().name(),
        version,
        chunk.json(),
        chunk.value()
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
      String below =
          "WITH RECURSIVE below AS (SELECT owner, nr FROM element WHERE owner = ? AND parent = ?"
              + " UNION ALL SELECT e.owner, e.nr FROM element e JOIN below b"
              + " ON e.owner = b.owner AND e.parent = b.nr) SELECT nr FROM below";
      jdbc.update("DELETE FROM element WHERE nr IN (" + below + ")", owner, row.nr());
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
    String top = "SELECT 0, 'SUBMODEL', version, json, name, NULL FROM identifiable WHERE nr = ?";
    List<Row> found =
        nr == TOP
            ? jdbc.query(top, Row::new, owner)
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
      out.accept(Values.of(Json.parse(whole)).toString());
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
