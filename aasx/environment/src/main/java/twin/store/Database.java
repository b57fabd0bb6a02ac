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
import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.core.NestedExceptionUtils;
import org.springframework.dao.ConcurrencyFailureException;
import org.springframework.dao.DataAccessException;
import org.springframework.http.HttpStatus;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.support.JdbcTransactionManager;
import org.springframework.retry.support.RetryTemplate;
import org.springframework.transaction.TransactionException;
import org.springframework.transaction.TransactionSystemException;
import org.springframework.transaction.support.TransactionSynchronizationManager;
import org.springframework.transaction.support.TransactionTemplate;
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
  private static final long FREE_PAGES_KEPT = 256;
  private static final long PAGES_AT_ONCE = 2048;
  private static final int RESERVE_BYTES = 4 << 20;

  private static final RetryTemplate AGAIN =
      RetryTemplate.builder().maxAttempts(5).retryOn(ConcurrencyFailureException.class).build();

  private record Pool(
      HikariDataSource source, JdbcTemplate jdbc, TransactionTemplate transaction) {}

  private final StoreSettings settings;
  private final Path file;
  private final FileChannel lock;
  private final Pool writers;
  private final Pool readers;
  private final Pool streams;

  /**
   * Connects, and brings the tables to the version of this program.
   *
   * @param own whether to hold the store and bring its tables up to date; otherwise it is only
   *     read, also while an environment runs on it
   * @throws StoreException if that cannot be; then nothing was changed
   */
  Database(StoreSettings settings, boolean own) {
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
    this.lock = own && file != null ? hold() : null;
    try {
      this.writers = connect("writers", file == null ? POSTGRES_WRITERS : 1, false);
      if (lock != null) {
        writers
            .jdbc()
            .execute("PRAGMA auto_vacuum = INCREMENTAL"); // says something to a new file only
        writers.jdbc().execute("PRAGMA journal_mode = WAL");
      }
      this.readers = connect("readers", READERS, true);
      this.streams = connect("streams", 2, true);
      if (own) {
        write(this::migrate);
        keepReserve();
      } else {
        read(this::knownVersion);
      }
    } catch (RuntimeException e) {
      close();
      throw e instanceof DataAccessException ? explained(e) : e;
    }
  }

  private FileChannel hold() {
    try {
      Files.createDirectories(file.toAbsolutePath().getParent());
      return hold(
          file.resolveSibling(file.getFileName() + ".lock"),
          "The store " + file + " is in use by another AAS environment",
          "Stop the other one first, give this one a store of its own with --twin.store.dir, or"
              + " let several share a PostgreSQL (TWIN_STORE_URL).");
    } catch (IOException e) {
      throw new StoreException(
          "The store " + file + " cannot be opened: " + e,
          "Let this user write the folder, or choose another one with --twin.store.dir.",
          e);
    }
  }

  /**
   * Keeps other programs from what the file stands for until it is closed.
   *
   * @throws StoreException with the message and remedy if another one holds it
   */
  static FileChannel hold(Path file, String message, String remedy) throws IOException {
    FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    try {
      if (channel.tryLock() != null) {
        return channel;
      }
    } catch (OverlappingFileLockException inThisProcess) {
      // The same answer as for a lock held by another process.
    }
    channel.close();
    throw new StoreException(message, remedy, null);
  }

  private Pool connect(String name, int size, boolean forReading) {
    HikariConfig config = new HikariConfig();
    config.setPoolName(name);
    config.setJdbcUrl(settings.url());
    config.setMaximumPoolSize(size);
    config.setMinimumIdle(file == null ? 1 : size);
    config.setConnectionTimeout(file == null && !name.equals("streams") ? 5_000 : 30_000);
    if (file == null) {
      config.setUsername(settings.user());
      config.setPassword(settings.secret());
      config.addDataSourceProperty("ApplicationName", "AAS environment");
      config.addDataSourceProperty("connectTimeout", "5");
      config.addDataSourceProperty("socketTimeout", "60");
      config.addDataSourceProperty("tcpKeepAlive", "true");
      config.setReadOnly(forReading);
      config.setTransactionIsolation(
          forReading ? "TRANSACTION_REPEATABLE_READ" : "TRANSACTION_READ_COMMITTED");
      if (!settings.fsync() && !forReading) {
        config.setConnectionInitSql("SET synchronous_commit = off");
      }
    } else {
      config.addDataSourceProperty("busy_timeout", "5000");
      config.addDataSourceProperty("synchronous", settings.fsync() ? "FULL" : "NORMAL");
      config.addDataSourceProperty("journal_size_limit", String.valueOf(64 << 20));
      config.addDataSourceProperty("cache_size", forReading ? "-2000" : "-16000");
    }
    HikariDataSource source = open(config, Duration.ZERO);
    JdbcTemplate jdbc = new JdbcTemplate(source);
    jdbc.setFetchSize(ROWS_AT_ONCE);
    return new Pool(source, jdbc, new TransactionTemplate(new JdbcTransactionManager(source)));
  }

  /** Waits for a database that does not answer: it may be starting at the same time. */
  private HikariDataSource open(HikariConfig config, Duration patience) {
    config.setInitializationFailTimeout(Math.max(1, patience.toMillis()));
    try {
      return new HikariDataSource(config);
    } catch (PoolInitializationException e) {
      StoreException explained = explained(e);
      if (explained.status() != HttpStatus.SERVICE_UNAVAILABLE
          || patience.equals(settings.patience())) {
        throw explained;
      }
      LOG.warn("{}. It is waited for. {}", explained.getMessage(), explained.remedy());
      return open(config, settings.patience());
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
    run(streams, done(work));
  }

  /** Writes in one transaction: afterwards all of it is there to stay, or nothing. */
  void write(Consumer<JdbcTemplate> work) {
    run(writers, done(work));
  }

  private static Function<JdbcTemplate, Void> done(Consumer<JdbcTemplate> work) {
    return jdbc -> {
      work.accept(jdbc);
      return null;
    };
  }

  private <T> T run(Pool pool, Function<JdbcTemplate, T> work) {
    if (TransactionSynchronizationManager.hasResource(writers.source())) {
      return work.apply(writers.jdbc()); // a part of the write under way, which sees the others
    }
    try {
      return AGAIN.execute(
          attempt -> pool.transaction().execute(status -> work.apply(pool.jdbc())));
    } catch (DataAccessException | TransactionException e) {
      throw explained(e);
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

  /**
   * What databases report, as it is told to people.
   *
   * @param codes regular expression for the start of PostgreSQL's SQLSTATE or of SQLite's result
   *     code
   */
  private record Fault(HttpStatus status, String codes, String what, String remedy) {}

  private static final List<Fault> FAULTS =
      List.of(
          new Fault(
              HttpStatus.INSUFFICIENT_STORAGE,
              "53100|SQLITE_(FULL|IOERR|READONLY|CANTOPEN)",
              "The store %s could not be written, and the change did not happen",
              "See that the disk is not full and that its folder may be written."),
          new Fault(
              HttpStatus.SERVICE_UNAVAILABLE,
              "55P03|SQLITE_(BUSY|LOCKED)",
              "The store %s is locked by another program",
              "End what else has the file open for writing (a database browser?) and try again."),
          new Fault(
              HttpStatus.INTERNAL_SERVER_ERROR,
              "XX00[12]|SQLITE_(CORRUPT|NOTADB)",
              "The file %s of the store is damaged",
              "Nothing was changed. Move it away together with its -wal and -shm files and restore"
                  + " the last backup."),
          new Fault(
              HttpStatus.INTERNAL_SERVER_ERROR,
              "28",
              "The database %s refuses user %s or its password",
              "Correct TWIN_STORE_USER and TWIN_STORE_PASSWORD (or TWIN_STORE_PASSWORD_FILE)."),
          new Fault(
              HttpStatus.INTERNAL_SERVER_ERROR,
              "3D|42",
              "The database %s is not as it should be",
              "Create it (CREATE DATABASE), let the user create tables in it, or correct"
                  + " TWIN_STORE_URL."),
          new Fault(
              HttpStatus.SERVICE_UNAVAILABLE,
              "08|53|57P|pool", // the last one: a connection that broke, or none was free
              "The database %s does not answer",
              "Start it, or correct TWIN_STORE_URL; the environment goes on by itself once it"
                  + " answers."),
          new Fault(
              HttpStatus.INTERNAL_SERVER_ERROR,
              "",
              "The database %s reports an error",
              "See the log."));

  private StoreException explained(Exception e) {
    Throwable root = rootOf(e);
    String code =
        root instanceof SQLiteException sqlite
            ? sqlite.getResultCode().name()
            : root instanceof SQLException sql ? sql.getSQLState() : null;
    boolean isPool =
        code == null && isShared()
            || root instanceof SQLTransientConnectionException
            || root instanceof IOException;
    String told = isPool ? "pool" : String.valueOf(code);
    Fault fault =
        FAULTS.stream()
            .filter(one -> told.matches("(" + one.codes() + ").*"))
            .findFirst()
            .orElseThrow();
    String reason = String.valueOf(root.getMessage()).lines().findFirst().orElse("");
    return new StoreException(
        fault.status(),
        fault.what().formatted(this, settings.user()) + " (" + reason + ")",
        fault.remedy(),
        e);
  }

  private void migrate(JdbcTemplate jdbc) {
    if (isShared()) {
      jdbc.queryForList("SELECT pg_advisory_xact_lock(" + MIGRATION_LOCK + ")");
    }
    jdbc.execute("CREATE TABLE IF NOT EXISTS store (name TEXT PRIMARY KEY, value TEXT NOT NULL)");
    int found = knownVersion(jdbc);
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

  private int knownVersion(JdbcTemplate jdbc) {
    int found =
        jdbc.queryForList("SELECT value FROM store WHERE name = 'version'", Integer.class).stream()
            .findFirst()
            .orElse(0);
    if (found > VERSION) {
      throw new StoreException(
          "The store %s has tables of version %d, this program knows %d"
              .formatted(this, found, VERSION),
          "Start the newer version of the program that wrote it; nothing was changed.",
          null);
    }
    return found;
  }

  private String script(int version) {
    try (InputStream in = Database.class.getResourceAsStream("/schema/" + version + ".sql")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8)
          .replaceAll("--.*", "")
          .replace(
              "${identity}",
              isShared()
                  ? "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"
                  : "INTEGER PRIMARY KEY AUTOINCREMENT")
          .replace("${blob}", isShared() ? "BYTEA" : "BLOB")
          .replace("${binary}", isShared() ? "COLLATE \"C\"" : "COLLATE BINARY");
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
    JdbcTemplate jdbc = writers.jdbc();
    try {
      long free = jdbc.queryForObject("PRAGMA freelist_count", Long.class);
      for (; free > FREE_PAGES_KEPT; free -= PAGES_AT_ONCE) {
        jdbc.execute("PRAGMA incremental_vacuum(" + PAGES_AT_ONCE + ")");
      }
      jdbc.execute("PRAGMA wal_checkpoint(TRUNCATE)");
    } catch (DataAccessException e) {
      LOG.warn("Room in {} could not be given back to the disk: {}", this, e.getMessage());
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
