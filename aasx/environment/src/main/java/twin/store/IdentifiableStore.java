package twin.store;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.stream.Collectors;
import org.eclipse.digitaltwin.aas4j.v3.model.HasSemantics;
import org.eclipse.digitaltwin.aas4j.v3.model.Identifiable;
import org.eclipse.digitaltwin.aas4j.v3.model.Key;
import org.eclipse.digitaltwin.basyx.core.exceptions.CollidingIdentifierException;
import org.eclipse.digitaltwin.basyx.core.exceptions.ElementDoesNotExistException;
import org.eclipse.digitaltwin.basyx.core.exceptions.IdentificationMismatchException;
import org.eclipse.digitaltwin.basyx.core.exceptions.MissingIdentifierException;
import org.eclipse.digitaltwin.basyx.core.pagination.CursorResult;
import org.eclipse.digitaltwin.basyx.core.pagination.PaginationInfo;
import org.springframework.jdbc.core.JdbcTemplate;
import twin.store.Chunk.Holds;

/** Shells, submodels or concept descriptions in the database: one row each, found by its id. */
abstract class IdentifiableStore<T extends Identifiable> {

  static final int LARGEST_PAGE = 1000;
  static final String SUBMODEL = "submodel";
  private static final String COLUMNS = "nr, name, version, json";
  private static final String HEAD = "SELECT " + COLUMNS + " FROM identifiable WHERE kind = ? AND ";

  protected final Database database;
  private final String kind;
  private final Class<T> type;

  IdentifiableStore(Database database, String kind, Class<T> type) {
    this.database = database;
    this.kind = kind;
    this.type = type;
  }

  /** A row; of a submodel the JSON is without elements. */
  record Head(long nr, String name, long version, String json) {}

  // ---- within a transaction

  private static List<Head> heads(JdbcTemplate jdbc, String sql, Object... values) {
    return jdbc.query(
        sql,
        (row, i) -> new Head(row.getLong(1), row.getString(2), row.getLong(3), row.getString(4)),
        values);
  }

  private Head one(JdbcTemplate jdbc, String sql, String id) {
    return heads(jdbc, sql, kind, Names.key(id)).stream()
        .findFirst()
        .orElseThrow(() -> new ElementDoesNotExistException(id));
  }

  Head existing(JdbcTemplate jdbc, String id) {
    requireElsewhere(jdbc);
    return one(jdbc, HEAD + "name = ?", id);
  }

  private static void requireElsewhere(JdbcTemplate jdbc) {
    Conditions.elsewhere().ifPresent(one -> one.require(tag(jdbc, one.id(), one.path())));
  }

  /** Of a submodel or an element of it; {@code null} if it is not there. */
  private static String tag(JdbcTemplate jdbc, String id, String path) {
    List<Head> found = heads(jdbc, HEAD + "name = ?", SUBMODEL, Names.key(id));
    try {
      return found.isEmpty()
          ? null
          : path == null
              ? Conditions.tag(found.get(0).version())
              : new Elements(jdbc, found.get(0)).find(path).tag();
    } catch (ElementDoesNotExistException e) {
      return null;
    }
  }

  /** The same, and the caller is given its tag. */
  Head told(JdbcTemplate jdbc, String id) {
    Head head = existing(jdbc, id);
    Conditions.tell(Conditions.tag(head.version()));
    return head;
  }

  /**
   * Keeps other writers from this identifiable until the transaction ends.
   *
   * @return the row with its new version
   */
  Head lock(JdbcTemplate jdbc, String id) {
    requireElsewhere(jdbc);
    String raise = "UPDATE identifiable SET version = version + 1 WHERE kind = ? AND name = ?";
    return one(jdbc, raise + " RETURNING " + COLUMNS, id);
  }

  Head lockIfMatches(JdbcTemplate jdbc, String id) {
    Head head = lock(jdbc, id);
    Conditions.require(() -> Conditions.tag(head.version() - 1));
    return head;
  }

  protected T fromRow(Head head) {
    return Json.read(head.json(), type);
  }

  protected static Chunk chunk(Identifiable object) {
    return Chunk.of(Json.tree(object), Holds.NOTHING, 0);
  }

  Head create(JdbcTemplate jdbc, JsonNode json) {
    T object = Json.fromTree(json, type);
    return create(jdbc, object, chunk(object));
  }

  private Head create(JdbcTemplate jdbc, T object, Chunk chunk) {
    String id = object.getId();
    if (id == null || id.isBlank()) {
      throw new MissingIdentifierException(id);
    }
    if (id.chars().anyMatch(c -> c < ' ')) {
      throw StoreException.refused(
          "The id contains a control character", "Nothing was changed. Leave it out of the id.");
    }
    String insert =
        "INSERT INTO identifiable (kind, name, meaning, version, json) VALUES (?, ?, '', ?, '')"
            + " ON CONFLICT (kind, name) DO NOTHING RETURNING "
            + COLUMNS;
    // Higher than any version that a deleted one with this id ever had.
    long version = System.currentTimeMillis() << 10;
    Head head =
        heads(jdbc, insert, kind, Names.key(id), version).stream()
            .findFirst()
            .orElseThrow(() -> new CollidingIdentifierException(id));
    replace(jdbc, head, object, chunk);
    return head;
  }

  /**
   * @param head with the new version
   */
  void replace(JdbcTemplate jdbc, Head head, T object, Chunk chunk) {
    String sql = "UPDATE identifiable SET meaning = ?, json = ? WHERE nr = ?";
    jdbc.update(sql, meaning(object), chunk.json(), head.nr());
    Elements elements = new Elements(jdbc, head);
    elements.deleteAll();
    elements.insert(Elements.TOP, chunk.elements(), 1);
    Attachments.deleteUnused(jdbc, head.nr(), Attachments.of(jdbc, head.nr()));
    Conditions.tell(Conditions.tag(head.version()));
  }

  private static String meaning(Identifiable object) {
    return object instanceof HasSemantics semantics && semantics.getSemanticId() != null
        ? semantics.getSemanticId().getKeys().stream()
            .map(Key::getValue)
            .map(Names::key)
            .collect(Collectors.joining("\n", "\n", "\n"))
        : "";
  }

  // ---- as a whole

  void create(T object) {
    Chunk chunk = chunk(object);
    database.write(jdbc -> create(jdbc, object, chunk));
  }

  /**
   * @throws ElementDoesNotExistException if there is none to be replaced
   */
  void replace(String id, T object) {
    if (!id.equals(object.getId())) {
      throw new IdentificationMismatchException();
    }
    Chunk chunk = chunk(object);
    database.write(jdbc -> replace(jdbc, lockIfMatches(jdbc, id), object, chunk));
  }

  void delete(String id) {
    database.delete(
        jdbc -> {
          Head head = lockIfMatches(jdbc, id);
          jdbc.update("DELETE FROM identifiable WHERE nr = ?", head.nr());
          new Elements(jdbc, head).deleteAll();
          Attachments.deleteOf(jdbc, head.nr());
        });
  }

  T get(String id) {
    return fromRow(database.read(jdbc -> told(jdbc, id)));
  }

  CursorResult<List<T>> page(PaginationInfo wanted) {
    return page(wanted, "");
  }

  /**
   * @param meaning value of a key of the semanticId; empty for all
   */
  CursorResult<List<T>> page(PaginationInfo wanted, String meaning) {
    int limit = wanted.hasLimit() ? Math.min(wanted.getLimit(), LARGEST_PAGE) : LARGEST_PAGE;
    String after = wanted.hasCursor() ? wanted.getCursor() : "";
    String line = meaning.isEmpty() ? "" : "\n" + Names.key(meaning) + "\n";
    String which = "name > ? AND (? = '' OR REPLACE(meaning, ?, '') <> meaning)";
    String sql = HEAD + which + " ORDER BY name LIMIT ?";
    List<Head> heads = database.read(jdbc -> heads(jdbc, sql, kind, after, line, line, limit));
    String next = limit > 0 && heads.size() == limit ? heads.get(limit - 1).name() : null;
    return new CursorResult<>(next, heads.stream().map(this::fromRow).toList());
  }
}
