package twin.store;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import org.eclipse.digitaltwin.aas4j.v3.model.HasSemantics;
import org.eclipse.digitaltwin.aas4j.v3.model.Identifiable;
import org.eclipse.digitaltwin.aas4j.v3.model.Key;
import org.eclipse.digitaltwin.basyx.core.exceptions.CollidingIdentifierException;
import org.eclipse.digitaltwin.basyx.core.exceptions.ElementDoesNotExistException;
import org.eclipse.digitaltwin.basyx.core.pagination.CursorResult;
import org.eclipse.digitaltwin.basyx.core.pagination.PaginationInfo;
import org.springframework.data.repository.CrudRepository;
import org.springframework.jdbc.core.JdbcTemplate;

/** Shells, submodels or concept descriptions in the database: one row each, found by its id. */
abstract class IdentifiableStore<T extends Identifiable> implements CrudRepository<T, String> {

  private static final int LARGEST_PAGE = 1000;
  private static final String HEAD = "SELECT nr, name, version, json FROM identifiable ";

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

  Optional<Head> head(JdbcTemplate jdbc, String id) {
    return heads(jdbc, HEAD + "WHERE kind = ? AND name = ?", kind, Names.key(id)).stream()
        .findFirst();
  }

  Optional<Head> head(JdbcTemplate jdbc, long nr) {
    return heads(jdbc, HEAD + "WHERE nr = ?", nr).stream().findFirst();
  }

  private static List<Head> heads(JdbcTemplate jdbc, String sql, Object... values) {
    return jdbc.query(
        sql,
        (row, i) -> new Head(row.getLong(1), row.getString(2), row.getLong(3), row.getString(4)),
        values);
  }

  Head existing(JdbcTemplate jdbc, String id) {
    return head(jdbc, id).orElseThrow(() -> new ElementDoesNotExistException(id));
  }

  /**
   * Keeps other writers from this identifiable until the transaction ends.
   *
   * @return the row with its new version
   */
  Head lock(JdbcTemplate jdbc, String id) {
    return heads(
            jdbc,
            "UPDATE identifiable SET version = version + 1 WHERE kind = ? AND name = ?"
                + " RETURNING nr, name, version, json",
            kind,
            Names.key(id))
        .stream()
        .findFirst()
        .orElseThrow(() -> new ElementDoesNotExistException(id));
  }

  Head lockIfMatches(JdbcTemplate jdbc, String id) {
    Head head = lock(jdbc, id);
    Conditions.require(Conditions.tag(head.version() - 1));
    return head;
  }

  /**
   * What is stored of the object: its own JSON for the row, and elements with rows of their own.
   */
  protected Chunk chunk(T object) {
    return new Chunk(null, Chunk.Holds.NOTHING, Json.text(object), null);
  }

  /**
   * Writes what a new or replaced identifiable has besides its row.
   *
   * @param isNew whether nothing is stored of it yet
   */
  protected abstract void saveContent(JdbcTemplate jdbc, Chunk chunk, Head head, boolean isNew);

  protected T fromRow(Head head) {
    return Json.read(head.json(), type);
  }

  Head create(JdbcTemplate jdbc, T object, Chunk chunk) {
    String id = object.getId();
    if (id.chars().anyMatch(c -> c < ' ')) {
      throw StoreException.refused(
          "The id contains a control character", "Nothing was changed. Leave it out of the id.");
    }
    List<Head> created =
        heads(
            jdbc,
            "INSERT INTO identifiable (kind, name, meaning, version, json) VALUES (?, ?, ?, ?, ?)"
                + " ON CONFLICT (kind, name) DO NOTHING RETURNING nr, name, version, json",
            kind,
            Names.key(id),
            meaning(object),
            // Higher than any version that a deleted one with this id ever had.
            System.currentTimeMillis() << 10,
            chunk.json());
    if (created.isEmpty()) {
      throw new CollidingIdentifierException(id);
    }
    saveContent(jdbc, chunk, created.get(0), true);
    Conditions.tell(Conditions.tag(created.get(0).version()));
    return created.get(0);
  }

  private void replace(JdbcTemplate jdbc, T object, Chunk chunk) {
    replace(jdbc, lockIfMatches(jdbc, object.getId()), object, chunk);
  }

  /**
   * @param head as given by {@link #lockIfMatches}
   */
  void replace(JdbcTemplate jdbc, Head head, T object, Chunk chunk) {
    jdbc.update(
        "UPDATE identifiable SET meaning = ?, json = ? WHERE nr = ?",
        meaning(object),
        chunk.json(),
        head.nr());
    saveContent(jdbc, chunk, head, false);
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
  void replace(T object) {
    Chunk chunk = chunk(object);
    database.write(jdbc -> replace(jdbc, object, chunk));
  }

  @Override
  public <S extends T> S save(S object) {
    Chunk chunk = chunk(object);
    database.write(
        jdbc -> {
          if (head(jdbc, object.getId()).isPresent()) {
            replace(jdbc, object, chunk);
          } else {
            create(jdbc, object, chunk);
          }
        });
    return object;
  }

  @Override
  public void deleteById(String id) {
    database.delete(
        jdbc -> {
          Head head = lockIfMatches(jdbc, id);
          jdbc.update("DELETE FROM identifiable WHERE nr = ?", head.nr());
          deleteContent(jdbc, head);
        });
  }

  protected void deleteContent(JdbcTemplate jdbc, Head head) {
    Attachments.deleteOf(jdbc, head.nr());
  }

  @Override
  public Optional<T> findById(String id) {
    Optional<Head> head = database.read(jdbc -> head(jdbc, id));
    head.ifPresent(found -> Conditions.tell(Conditions.tag(found.version())));
    return head.map(this::fromRow);
  }

  @Override
  public boolean existsById(String id) {
    return database.read(jdbc -> head(jdbc, id)).isPresent();
  }

  /**
   * @param meaning value of a key of the semanticId, or {@code null} for all
   */
  CursorResult<List<T>> page(String meaning, PaginationInfo wanted) {
    int limit = wanted.hasLimit() ? Math.min(wanted.getLimit(), LARGEST_PAGE) : LARGEST_PAGE;
    List<Object> values =
        new ArrayList<>(List.of(kind, wanted.hasCursor() ? wanted.getCursor() : ""));
    if (meaning != null) {
      values.add("\n" + Names.key(meaning) + "\n");
    }
    values.add(limit);
    List<Head> heads =
        database.read(
            jdbc ->
                heads(
                    jdbc,
                    HEAD
                        + "WHERE kind = ? AND name > ?"
                        + (meaning == null ? "" : " AND REPLACE(meaning, ?, '') <> meaning")
                        + " ORDER BY name LIMIT ?",
                    values.toArray()));
    String next = limit > 0 && heads.size() == limit ? heads.get(limit - 1).name() : null;
    return new CursorResult<>(next, heads.stream().map(this::fromRow).toList());
  }

  @Override
  public Iterable<T> findAll() {
    return () ->
        new Iterator<>() {
          private CursorResult<List<T>> page = page(null, new PaginationInfo(null, null));
          private int next = 0;

          @Override
          public boolean hasNext() {
            if (next == page.getResult().size() && page.getCursor() != null) {
              page = page(null, new PaginationInfo(null, page.getCursor()));
              next = 0;
            }
            return next < page.getResult().size();
          }

          @Override
          public T next() {
            if (!hasNext()) {
              throw new NoSuchElementException();
            }
            return page.getResult().get(next++);
          }
        };
  }

  @Override
  public long count() {
    return database.read(
        jdbc ->
            jdbc.queryForObject(
                "SELECT COUNT(*) FROM identifiable WHERE kind = ?", Long.class, kind));
  }

  @Override
  public <S extends T> Iterable<S> saveAll(Iterable<S> objects) {
    objects.forEach(this::save);
    return objects;
  }

  @Override
  public Iterable<T> findAllById(Iterable<String> ids) {
    return StreamSupport.stream(ids.spliterator(), false)
        .map(this::findById)
        .flatMap(Optional::stream)
        .toList();
  }

  @Override
  public void delete(T object) {
    deleteById(object.getId());
  }

  @Override
  public void deleteAllById(Iterable<? extends String> ids) {
    ids.forEach(this::deleteById);
  }

  @Override
  public void deleteAll(Iterable<? extends T> objects) {
    objects.forEach(this::delete);
  }

  @Override
  public void deleteAll() {
    findAll().forEach(this::delete);
  }
}
