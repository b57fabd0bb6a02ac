package twin.store;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SequenceWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.jdbc.core.ColumnMapRowMapper;
import org.springframework.jdbc.core.JdbcTemplate;

/**
 * The whole store as one file, the same for both databases: compressed lines of JSON, first what it
 * is, then one row a line, at the end how many there were. It is made of one state of the store,
 * while environments go on writing; and can be restored into either database.
 */
public final class Backup {

  private static final String FORMAT = "battery twin backup";
  private static final ObjectMapper MAPPER = new ObjectMapper();
  private static final int ROWS_AT_ONCE = 200;

  /** The tables, with what stands in the place of the columns' values, all in their order. */
  private static final Map<String, String> TABLES =
      new TreeMap<>(
          Map.of(
              "identifiable", "?, ?, ?, ?, ?, ?",
              "element", "?, ?, ?, ?, ?, ?, ?, ?, ?",
              "attachment", "?, ?, ?",
              "part", "?, ?, ?"));

  private Backup() {}

  /**
   * Carries out {@code backup FILE} or {@code restore FILE}; further arguments are settings.
   *
   * @return the exit code
   */
  public static int run(String[] arguments) {
    boolean restore = arguments[0].equals("restore");
    if (arguments.length < 2 || arguments[1].startsWith("--")) {
      System.err.println("usage: " + arguments[0] + " FILE [--twin.store.url=URL] ...");
      return 2;
    }
    Path file = Path.of(arguments[1]);
    try (ConfigurableApplicationContext context =
            new SpringApplicationBuilder(Backup.class)
                .web(WebApplicationType.NONE)
                .properties("logging.level.root=ERROR", "logging.level.twin=WARN")
                .logStartupInfo(false)
                .run(arguments);
        Database database = new Database(StoreSettings.of(context.getEnvironment()), restore)) {
      long rows = restore ? restore(database, file) : backup(database, file);
      String done =
          restore ? "%d rows of %s restored into %s%n" : "%d rows written to %s, from %s%n";
      System.out.printf(done, rows, file, database);
      return 0;
    } catch (StoreException e) {
      System.err.println(arguments[0] + ": " + e.getMessage() + ". " + e.remedy());
      return 1;
    }
  }

  static long backup(Database database, Path file) {
    Path unfinished = file.resolveSibling(file.getFileName() + ".unfinished");
    try {
      long rows;
      try (SequenceWriter lines =
          MAPPER
              .writer()
              .withRootValueSeparator("\n")
              .writeValues(new GZIPOutputStream(Files.newOutputStream(unfinished)))) {
        lines.write(Map.of("format", FORMAT, "version", Database.VERSION));
        rows =
            database.read(
                jdbc ->
                    TABLES.keySet().stream().mapToLong(table -> write(jdbc, table, lines)).sum());
        lines.write(Map.of("rows", rows));
      }
      try (FileChannel channel = FileChannel.open(unfinished, StandardOpenOption.WRITE)) {
        channel.force(true);
      }
      Files.move(unfinished, file, StandardCopyOption.REPLACE_EXISTING);
      return rows;
    } catch (IOException | UncheckedIOException e) {
      unfinished.toFile().delete();
      throw new StoreException(
          "The backup " + file + " could not be written (" + e.getMessage() + ")",
          "See that the disk is not full and that its folder may be written.",
          e);
    }
  }

  private static long write(JdbcTemplate jdbc, String table, SequenceWriter lines) {
    try (Stream<Map<String, Object>> rows =
        jdbc.queryForStream("SELECT * FROM " + table, new ColumnMapRowMapper())) {
      for (Map<String, Object> row : (Iterable<Map<String, Object>>) rows::iterator) {
        lines.write(Map.of(table, row.values()));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return jdbc.queryForObject("SELECT COUNT(*) FROM " + table, Long.class);
  }

  /** All of it, or nothing. */
  static long restore(Database database, Path file) {
    long[] rows = {0};
    database.write(
        jdbc -> {
          if (jdbc.queryForObject("SELECT COUNT(*) FROM identifiable", Long.class) > 0) {
            throw new StoreException(
                "The store " + database + " is not empty",
                "Restore into a new one: move the old file away, or create another database.",
                null);
          }
          try (MappingIterator<JsonNode> lines =
              MAPPER
                  .readerFor(JsonNode.class)
                  .readValues(new GZIPInputStream(Files.newInputStream(file)))) {
            rows[0] = read(jdbc, lines);
          } catch (IOException e) {
            throw new StoreException(
                "The backup " + file + " cannot be read (" + e.getMessage() + ")",
                "Nothing was restored. Take another backup.",
                e);
          }
          if (database.isShared()) {
            for (String table : List.of("identifiable", "element", "attachment")) {
              jdbc.queryForList(
                  "SELECT setval(pg_get_serial_sequence('%s', 'nr'), (SELECT MAX(nr) FROM %s))"
                      .formatted(table, table));
            }
          }
        });
    return rows[0];
  }

  private static long read(JdbcTemplate jdbc, MappingIterator<JsonNode> lines) throws IOException {
    JsonNode first = next(lines);
    if (!FORMAT.equals(first.path("format").asText())) {
      throw new IOException("it is not a backup of a twin");
    }
    if (first.path("version").asInt() > Database.VERSION) {
      throw new IOException("it was made by a newer version of this program");
    }
    long rows = 0;
    Map<String, List<Object[]>> waiting = new HashMap<>();
    JsonNode line = next(lines);
    for (; !line.has("rows"); line = next(lines), rows++) {
      String table = line.fieldNames().next();
      List<Object[]> values = waiting.computeIfAbsent(table, name -> new ArrayList<>());
      values.add(values(table, line.get(table)));
      if (values.size() == ROWS_AT_ONCE) {
        insert(jdbc, table, values);
      }
    }
    waiting.forEach((table, values) -> insert(jdbc, table, values));
    if (line.get("rows").asLong() != rows || lines.hasNextValue()) {
      throw new IOException("rows are missing");
    }
    return rows;
  }

  private static JsonNode next(MappingIterator<JsonNode> lines) throws IOException {
    if (!lines.hasNextValue()) {
      throw new IOException("its end is missing");
    }
    return lines.nextValue();
  }

  private static Object[] values(String table, JsonNode row) throws IOException {
    int columns = TABLES.getOrDefault(table, "").split(",").length;
    if (!TABLES.containsKey(table) || row.size() > columns) {
      throw new IOException("it has rows that this program does not know");
    }
    // The last columns stay null in an older backup.
    Object[] values = Arrays.copyOf(MAPPER.treeToValue(row, Object[].class), columns);
    if (table.equals("part")) {
      values[2] = row.get(2).binaryValue();
    }
    return values;
  }

  private static void insert(JdbcTemplate jdbc, String table, List<Object[]> values) {
    jdbc.batchUpdate("INSERT INTO " + table + " VALUES (" + TABLES.get(table) + ")", values);
    values.clear();
  }
}
