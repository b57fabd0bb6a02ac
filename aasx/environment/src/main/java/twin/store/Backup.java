package twin.store;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
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

  /** The columns of each table, in the order in which they are written. */
  private static final Map<String, List<String>> TABLES = new LinkedHashMap<>();

  static {
    TABLES.put("identifiable", List.of("nr", "kind", "name", "meaning", "version", "json"));
    TABLES.put(
        "element",
        List.of(
            "nr", "owner", "parent", "position", "name", "holds", "version", "json", "value_only"));
    TABLES.put("attachment", List.of("nr", "owner", "value"));
    TABLES.put("part", List.of("attachment", "number", "content"));
  }

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
        new SpringApplicationBuilder(StoreSettings.class)
            .web(WebApplicationType.NONE)
            .properties("logging.level.root=ERROR", "logging.level.twin=WARN")
            .logStartupInfo(false)
            .run(arguments)) {
      Database.Settings settings = context.getBean(Database.Settings.class);
      try (Database database = new Database(settings, restore)) {
        long rows = restore ? restore(database, file) : backup(database, file);
        System.out.printf(
            restore ? "%d rows of %s restored into %s%n" : "%d rows written to %s, from %s%n",
            rows,
            file,
            database);
        return 0;
      }
    } catch (StoreException e) {
      System.err.println(arguments[0] + ": " + e.getMessage() + ". " + e.remedy());
      return 1;
    }
  }

  static long backup(Database database, Path file) {
    Path unfinished = file.resolveSibling(file.getFileName() + ".unfinished");
    try {
      long rows;
      try (Writer out =
          new BufferedWriter(
              new OutputStreamWriter(
                  new GZIPOutputStream(Files.newOutputStream(unfinished)),
                  StandardCharsets.UTF_8))) {
        out.write(
            MAPPER.writeValueAsString(Map.of("format", FORMAT, "version", Database.VERSION))
                + "\n");
        rows = database.read(jdbc -> write(jdbc, out));
        out.write(MAPPER.writeValueAsString(Map.of("rows", rows)) + "\n");
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

  private static long write(JdbcTemplate jdbc, Writer out) {
    long[] rows = {0};
    TABLES.forEach(
        (table, columns) ->
            jdbc.query(
                "SELECT " + String.join(", ", columns) + " FROM " + table,
                row -> {
                  List<Object> values = new ArrayList<>();
                  for (String column : columns) {
                    values.add(
                        column.equals("content") ? row.getBytes(column) : row.getObject(column));
                  }
                  try {
                    out.write(MAPPER.writeValueAsString(Map.of(table, values)) + "\n");
                  } catch (IOException e) {
                    throw new UncheckedIOException(e);
                  }
                  rows[0]++;
                }));
    return rows[0];
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
          try (BufferedReader in =
              new BufferedReader(
                  new InputStreamReader(
                      new GZIPInputStream(Files.newInputStream(file)), StandardCharsets.UTF_8))) {
            rows[0] = read(jdbc, in);
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

  private static long read(JdbcTemplate jdbc, BufferedReader in) throws IOException {
    JsonNode first = line(in);
    if (!FORMAT.equals(first.path("format").asText())) {
      throw new IOException("it is not a backup of a twin");
    }
    if (first.path("version").asInt() > Database.VERSION) {
      throw new IOException("it was made by a newer version of this program");
    }
    long rows = 0;
    Map<String, List<Object[]>> waiting = new LinkedHashMap<>();
    while (true) {
      JsonNode line = line(in);
      if (line.has("rows")) {
        waiting.forEach((table, values) -> insert(jdbc, table, values));
        if (line.get("rows").asLong() != rows) {
          throw new IOException("rows are missing");
        }
        return rows;
      }
      String table = line.fieldNames().next();
      List<Object[]> values = waiting.computeIfAbsent(table, name -> new ArrayList<>());
      values.add(values(table, line.get(table)));
      rows++;
      if (values.size() == ROWS_AT_ONCE) {
        insert(jdbc, table, values);
      }
    }
  }

  private static JsonNode line(BufferedReader in) throws IOException {
    String line = in.readLine();
    if (line == null) {
      throw new IOException("its end is missing");
    }
    return MAPPER.readTree(line);
  }

  private static Object[] values(String table, JsonNode row) throws IOException {
    List<String> columns = TABLES.get(table);
    if (columns == null || row.size() > columns.size()) {
      throw new IOException("it has rows that this program does not know");
    }
    Object[] values = new Object[columns.size()]; // the last ones stay null in an older backup
    for (int i = 0; i < row.size(); i++) {
      JsonNode value = row.get(i);
      if (columns.get(i).equals("content")) {
        values[i] = value.binaryValue();
      } else if (value.isNumber()) {
        values[i] = value.longValue();
      } else {
        values[i] = value.textValue();
      }
    }
    return values;
  }

  private static void insert(JdbcTemplate jdbc, String table, List<Object[]> values) {
    List<String> columns = TABLES.get(table);
    jdbc.batchUpdate(
        "INSERT INTO %s (%s) VALUES (%s)"
            .formatted(
                table,
                String.join(", ", columns),
                String.join(", ", columns.stream().map(column -> "?").toList())),
        values);
    values.clear();
  }
}
