package twin.store;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import com.zaxxer.hikari.pool.HikariPool.PoolInitializationException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.core.NestedExceptionUtils;
import org.springframework.dao.DataAccessException;
import org.springframework.http.HttpStatus;
import org.springframework.jdbc.core.ConnectionCallback;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.support.JdbcTransactionManager;
import org.springframework.transaction.TransactionException;
import org.springframework.transaction.TransactionSystemException;
import org.springframework.transaction.support.TransactionSynchronizationManager;
import org.springframework.transaction.support.TransactionTemplate;
import org.sqlite.SQLiteErrorCode;
import org.sqlite.SQLiteException;

/**
 * The database of the store: SQLite (a file that one environment uses at a time) or PostgreSQL. All
 * that differs between the two stands in this class.
 */
final class Database implements AutoCloseable {

  /** Of the tables; each number up to it has its script in {@code schema/}. */
  static final int VERSION = 2;

  private static final Logger LOG = LoggerFactory.getLogger(Database.class);
  private static final String SQLITE = "jdbc:sqlite:";
  private static final long MIGRATION_LOCK = 5_271_009;
  private static final int READERS = 8;
  private static final int POSTGRES_WRITERS = 8;
  private static final int ROWS_AT_ONCE = 200;
  private static final int DEADLOCK_TRIES = 5;
  private static final long FREE_PAGES_KEPT = 256;
  private static final long PAGES_AT_ONCE = 2048;
  private static final int RESERVE_BYTES = 4 << 20;

  /**
   * @param url JDBC URL
   * @param durable whether a change is acknowledged only once it would survive a power cut
   * @param patience how long a database that does not answer is waited for at the start
   */
  record Settings(String url, String user, String password, boolean durable, Duration patience) {}

  private record Pool(
      HikariDataSource source, JdbcTemplate jdbc, TransactionTemplate transaction) {}

  private final Settings settings;
  private final Path file;
  private final FileChannel lock;
  private final Pool writers;
  private final Pool readers;
  private final Pool streams;

  /**
   * Connects and brings the tables to the version of this program.
   *
   * @throws StoreException if that cannot be; then nothing was changed
   */
  Database(Settings settings) {
    this(settings, true);
  }

  /**
   * @param own whether to hold the store and bring its tables up to date; otherwise it is only
   *     read, also while an environment runs on it
   */
  Database(Settings settings, boolean own) {
    this.settings = settings;
    String url = settings.url();
    if (!url.startsWith(SQLITE) && !url.startsWith("jdbc:postgresql:")) {
      throw new StoreException(
          "The store's URL " + url + " is neither jdbc:sqlite:FILE nor jdbc:postgresql://HOST/NAME",
          "Correct TWIN_STORE_URL, or leave it out for a file in the state folder.",
          null);
    }
    this.file = url.startsWith(SQLITE) ? Path.of(url.substring(SQLITE.length())) : null;
    if (!own && file != null && !Files.exists(file)) {
      throw new StoreException("There is no store " + file, "Correct TWIN_STORE_URL.", null);
    }
    this.lock = own && file != null ? create() : null;
    try {
      this.writers = connect("writers", file == null ? POSTGRES_WRITERS : 1, false);
      this.readers = connect("readers", READERS, true);
      this.streams = connect("streams", 2, true);
      if (own) {
        write(this::migrate);
        keepReserve();
      } else {
        read(
            jdbc -> {
              requireKnown(hasTables(jdbc) ? version(jdbc) : 0);
              return null;
            });
      }
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  private FileChannel create() {
    try {
      Files.createDirectories(file.toAbsolutePath().getParent());
      FileChannel channel =
          FileChannel.open(
              file.resolveSibling(file.getFileName() + ".lock"),
              StandardOpenOption.CREATE,
              StandardOpenOption.WRITE);
      if (!tryLock(channel)) {
        channel.close();
        throw new StoreException(
            "The store " + file + " is in use by another AAS environment",
            "Stop the other one first, give this one a store of its own with --twin.store.dir, or let"
                + " several share a PostgreSQL (TWIN_STORE_URL).",
            null);
      }
      boolean isNew = !Files.exists(file);
      try (Connection connection = DriverManager.getConnection(settings.url());
          Statement statement = connection.createStatement()) {
        if (isNew) {
          statement.execute("PRAGMA auto_vacuum = INCREMENTAL");
        }
        statement.execute("PRAGMA journal_mode = WAL");
      } catch (SQLException e) {
        channel.close();
        throw explained(e);
      }
      return channel;
    } catch (IOException e) {
      throw new StoreException(
          "The store " + file + " cannot be opened: " + e,
          "Let this user write the folder, or choose another one with --twin.store.dir.",
          e);
    }
  }

  private static boolean tryLock(FileChannel channel) throws IOException {
    try {
      return channel.tryLock() != null;
    } catch (OverlappingFileLockException inThisProcess) {
      return false;
    }
  }

  private Pool connect(String name, int size, boolean forReading) {
    HikariConfig config = new HikariConfig();
    config.setPoolName(name);
    config.setJdbcUrl(settings.url());
    config.setMaximumPoolSize(size);
    config.setMinimumIdle(file == null ? 1 : size);
    config.setConnectionTimeout(file == null && !name.equals("streams") ? 5_000 : 30_000);
    config.setInitializationFailTimeout(1);
    if (file == null) {
      config.setUsername(settings.user());
      config.setPassword(settings.password());
      config.addDataSourceProperty("ApplicationName", "AAS environment");
      config.addDataSourceProperty("connectTimeout", "5");
      config.addDataSourceProperty("socketTimeout", "60");
      config.addDataSourceProperty("tcpKeepAlive", "true");
      config.setReadOnly(forReading);
      config.setTransactionIsolation(
          forReading ? "TRANSACTION_REPEATABLE_READ" : "TRANSACTION_READ_COMMITTED");
      if (!settings.durable() && !forReading) {
        config.setConnectionInitSql("SET synchronous_commit = off");
      }
    } else {
      config.addDataSourceProperty("busy_timeout", "5000");
      config.addDataSourceProperty("synchronous", settings.durable() ? "FULL" : "NORMAL");
      config.addDataSourceProperty("journal_size_limit", String.valueOf(64 << 20));
      config.addDataSourceProperty("cache_size", forReading ? "-2000" : "-16000");
    }
    HikariDataSource source = waitFor(config);
    JdbcTemplate jdbc = new JdbcTemplate(source);
    jdbc.setFetchSize(ROWS_AT_ONCE);
    return new Pool(source, jdbc, new TransactionTemplate(new JdbcTransactionManager(source)));
  }

  /** A database server may be starting at the same time. */
  private HikariDataSource waitFor(HikariConfig config) {
    long end = System.nanoTime() + settings.patience().toNanos();
    while (true) {
      try {
        return new HikariDataSource(config);
      } catch (PoolInitializationException e) {
        StoreException explained = explained(e);
        if (explained.status() != HttpStatus.SERVICE_UNAVAILABLE || System.nanoTime() > end) {
          throw new StoreException(explained.getMessage(), explained.remedy(), e);
        }
        LOG.warn("{}. Trying again. {}", explained.getMessage(), explained.remedy());
        try {
          Thread.sleep(2_000);
        } catch (InterruptedException interrupted) {
          Thread.currentThread().interrupt();
          throw explained;
        }
      }
    }
  }

  /** Whether other environments may change the database while this one runs. */
  boolean isShared() {
    return file == null;
  }

  /** What a person knows the store by; without the password. */
  @Override
  public String toString() {
    return file != null ? file.toString() : settings.url().replaceAll("\\?.*", "");
  }

  /** Reads in one transaction, that is one state of the store. */
  <T> T read(Function<JdbcTemplate, T> work) {
    return run(readers, work);
  }

  /** The same for a read that may last as long as the one it is for takes to receive it. */
  void stream(Consumer<JdbcTemplate> work) {
    run(
        streams,
        jdbc -> {
          work.accept(jdbc);
          return null;
        });
  }

  /** Writes in one transaction: afterwards all of it is there to stay, or nothing. */
  void write(Consumer<JdbcTemplate> work) {
    run(
        writers,
        jdbc -> {
          work.accept(jdbc);
          return null;
        });
  }

  private <T> T run(Pool pool, Function<JdbcTemplate, T> work) {
    if (TransactionSynchronizationManager.hasResource(writers.source())) {
      return work.apply(writers.jdbc()); // a part of the write under way, which sees the others
    }
    for (int tries = 1; ; tries++) {
      try {
        return pool.transaction().execute(status -> work.apply(pool.jdbc()));
      } catch (DataAccessException | TransactionException e) {
        String state = rootOf(e) instanceof SQLException sql ? sql.getSQLState() : null;
        boolean again = "40P01".equals(state) || "40001".equals(state); // deadlock, serialization
        if (!again || tries == DEADLOCK_TRIES) {
          throw explained(e);
        }
      }
    }
  }

  private static Throwable rootOf(Exception e) {
    if (e instanceof TransactionSystemException failedTwice
        && failedTwice.getApplicationException() instanceof DataAccessException first) {
      return rootOf(first); // SQLite has rolled back by itself, which fails when done once more
    }
    Throwable root = NestedExceptionUtils.getMostSpecificCause(e);
    return root instanceof SQLException || !(e.getCause() instanceof SQLException)
        ? root
        : e.getCause();
  }

  private StoreException explained(Exception e) {
    Throwable root = rootOf(e);
    String state =
        root instanceof SQLException sql && sql.getSQLState() != null ? sql.getSQLState() : "";
    SQLiteErrorCode code =
        root instanceof SQLiteException sqlite
            ? sqlite.getResultCode()
            : SQLiteErrorCode.UNKNOWN_ERROR;
    String reason = " (" + String.valueOf(root.getMessage()).lines().findFirst().orElse("") + ")";
    int primary = code.code & 0xff;
    if (primary == SQLiteErrorCode.SQLITE_FULL.code
        || primary == SQLiteErrorCode.SQLITE_IOERR.code
        || primary == SQLiteErrorCode.SQLITE_READONLY.code
        || primary == SQLiteErrorCode.SQLITE_CANTOPEN.code
        || state.equals("53100")) {
      return new StoreException(
          HttpStatus.INSUFFICIENT_STORAGE,
          "The store " + this + " could not be written, and the change did not happen" + reason,
          "See that the disk is not full and that its folder may be written.",
          e);
    }
    if (primary == SQLiteErrorCode.SQLITE_BUSY.code
        || primary == SQLiteErrorCode.SQLITE_LOCKED.code) {
      return new StoreException(
          HttpStatus.SERVICE_UNAVAILABLE,
          "The store " + this + " is locked by another program" + reason,
          "End what else has the file open for writing (a database browser?) and try again.",
          e);
    }
    if (primary == SQLiteErrorCode.SQLITE_CORRUPT.code
        || primary == SQLiteErrorCode.SQLITE_NOTADB.code) {
      return new StoreException(
          "The file " + file + " of the store is damaged" + reason,
          "Nothing was changed. Move it away together with its -wal and -shm files and restore the last"
              + " backup.",
          e);
    }
    if (state.startsWith("28")) {
      return new StoreException(
          "The database " + this + " refuses user " + settings.user() + " or its password" + reason,
          "Correct TWIN_STORE_USER and TWIN_STORE_PASSWORD (or TWIN_STORE_PASSWORD_FILE).",
          e);
    }
    if (state.startsWith("3D") || state.startsWith("42")) {
      return new StoreException(
          "The database " + this + " is not as it should be" + reason,
          "Create it (CREATE DATABASE), let the user create tables in it, or correct TWIN_STORE_URL.",
          e);
    }
    if (state.startsWith("08")
        || state.isEmpty() && isShared() // the pool's own word for a connection that broke
        || state.startsWith("57P")
        || state.startsWith("53")
        || root instanceof java.sql.SQLTransientConnectionException
        || root instanceof IOException) {
      return new StoreException(
          HttpStatus.SERVICE_UNAVAILABLE,
          "The database " + this + " does not answer" + reason,
          "Start it, or correct TWIN_STORE_URL; the environment goes on by itself once it answers.",
          e);
    }
    return new StoreException(
        "The database " + this + " reports an error" + reason, "See the log.", e);
  }

  private void migrate(JdbcTemplate jdbc) {
    if (isShared()) {
      jdbc.queryForList("SELECT pg_advisory_xact_lock(" + MIGRATION_LOCK + ")");
    }
    int found = hasTables(jdbc) ? version(jdbc) : 0;
    requireKnown(found);
    for (int next = found + 1; next <= VERSION; next++) {
      if (found > 0) {
        LOG.info("Bringing the store {} to version {}", this, next);
      }
      for (String statement : script(next).split(";")) {
        jdbc.execute(statement);
      }
      jdbc.update("DELETE FROM store WHERE name = 'version'");
      jdbc.update("INSERT INTO store (name, value) VALUES ('version', ?)", String.valueOf(next));
    }
  }

  private void requireKnown(int found) {
    if (found > VERSION) {
      throw new StoreException(
          "The store "
              + this
              + " has tables of version "
              + found
              + ", this program knows "
              + VERSION,
          "Start the newer version of the program that wrote it; nothing was changed.",
          null);
    }
  }

  private static boolean hasTables(JdbcTemplate jdbc) {
    return Boolean.TRUE.equals(
        jdbc.execute(
            (ConnectionCallback<Boolean>)
                connection -> {
                  try (ResultSet tables =
                      connection
                          .getMetaData()
                          .getTables(null, connection.getSchema(), "store", null)) {
                    return tables.next();
                  }
                }));
  }

  private static int version(JdbcTemplate jdbc) {
    return Integer.parseInt(
        jdbc.queryForObject("SELECT value FROM store WHERE name = 'version'", String.class));
  }

  private String script(int version) {
    Map<String, String> words =
        isShared()
            ? Map.of(
                "${identity}", "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
                "${blob}", "BYTEA",
                "${binary}", "COLLATE \"C\"")
            : Map.of(
                "${identity}", "INTEGER PRIMARY KEY AUTOINCREMENT",
                "${blob}", "BLOB",
                "${binary}", "COLLATE BINARY");
    try (InputStream in = Database.class.getResourceAsStream("/schema/" + version + ".sql")) {
      String sql = new String(in.readAllBytes(), StandardCharsets.UTF_8).replaceAll("--.*", "");
      for (Map.Entry<String, String> word : words.entrySet()) {
        sql = sql.replace(word.getKey(), word.getValue());
      }
      return sql;
    } catch (IOException e) {
      throw new IllegalStateException("schema/" + version + ".sql is part of the program", e);
    }
  }

  /**
   * Deletes in one transaction, on a full disk too: SQLite needs some room for that, which is kept
   * in a file of its own.
   */
  void delete(Consumer<JdbcTemplate> work) {
    try {
      write(work);
    } catch (StoreException e) {
      if (isShared() || e.status() != HttpStatus.INSUFFICIENT_STORAGE || !reserve().delete()) {
        throw e;
      }
      giveBackRoom();
      write(work);
    }
    giveBackRoom();
    keepReserve();
  }

  private java.io.File reserve() {
    return file.resolveSibling(file.getFileName() + ".reserve").toFile();
  }

  private void keepReserve() {
    if (isShared() || reserve().exists()) {
      return;
    }
    try {
      Files.write(reserve().toPath(), new byte[RESERVE_BYTES]);
    } catch (IOException e) {
      reserve().delete();
      LOG.warn("No room can be kept for deleting on a full disk: {}", e.getMessage());
    }
  }

  /** Gives the room of what was deleted back to the disk; PostgreSQL does that by itself. */
  void giveBackRoom() {
    if (isShared()) {
      return;
    }
    try (Connection connection = writers.source().getConnection();
        Statement statement = connection.createStatement()) {
      for (long free = freePages(statement); free > FREE_PAGES_KEPT; free -= PAGES_AT_ONCE) {
        statement.execute("PRAGMA incremental_vacuum(" + PAGES_AT_ONCE + ")");
      }
      statement.execute("PRAGMA wal_checkpoint(TRUNCATE)");
    } catch (SQLException e) {
      LOG.warn("Room in {} could not be given back to the disk: {}", this, e.getMessage());
    }
  }

  private static long freePages(Statement statement) throws SQLException {
    try (ResultSet found = statement.executeQuery("PRAGMA freelist_count")) {
      return found.next() ? found.getLong(1) : 0;
    }
  }

  @Override
  public void close() {
    for (Pool pool : new Pool[] {streams, readers, writers}) {
      if (pool != null) {
        pool.source().close();
      }
    }
    if (lock != null) {
      try {
        lock.close();
      } catch (IOException e) {
        LOG.warn("The lock of {} could not be released: {}", file, e.getMessage());
      }
    }
  }
}
