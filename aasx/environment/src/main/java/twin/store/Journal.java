package twin.store;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32;

/**
 * The changes of one submodel since its document was last written, one line each: the CRC-32 of the
 * JSON, a blank, the JSON. The first line names the document the changes build on; before the
 * document is written anew, a line names the new one. So whichever of the two a crash leaves, the
 * changes it does not hold yet are known.
 */
final class Journal {

  private static final String ENDING = ".journal";
  private static final String BASE = "base";
  private static final String REWRITTEN = "rewritten";

  private final Path file;
  private final String base;
  private final long documentLength;
  private final Disk disk;
  private long length;

  /**
   * @param content of the document as it is on the disk, beside which the journal is kept
   */
  Journal(Path document, byte[] content, Disk disk) {
    this.file = fileOf(document);
    this.base = mark(content);
    this.documentLength = content.length;
    this.disk = disk;
  }

  static Path fileOf(Path document) {
    return document.resolveSibling(document.getFileName() + ENDING);
  }

  static boolean isJournal(Path file) {
    return file.toString().endsWith(ENDING);
  }

  Path file() {
    return file;
  }

  /** Bytes of acknowledged lines. */
  long length() {
    return length;
  }

  /** Bytes of the document the journal builds on. */
  long documentLength() {
    return documentLength;
  }

  /** Says that the document is about to be replaced by one with this content. */
  void announce(byte[] content) throws IOException {
    if (length > 0 && Files.exists(file)) {
      append(Json.oneLine(Json.object().put(REWRITTEN, mark(content))));
    }
  }

  /**
   * @param json a change, as {@link Change#toJson} gives it
   */
  void append(byte[] json) throws IOException {
    ByteArrayOutputStream lines = new ByteArrayOutputStream(json.length + 64);
    if (length == 0) {
      writeLine(Json.oneLine(Json.object().put(BASE, base)), lines);
    }
    writeLine(json, lines);
    disk.append(file, length, lines.toByteArray());
    length += lines.size();
  }

  private static void writeLine(byte[] json, ByteArrayOutputStream out) throws IOException {
    out.write(crc(json).getBytes(StandardCharsets.US_ASCII));
    out.write(' ');
    out.write(json);
    out.write('\n');
  }

  /**
   * Reads the journal, if there is one.
   *
   * @return the changes that the document does not hold yet
   * @throws StoreException if a line is damaged, or the journal belongs to another document
   */
  List<Change> read() throws IOException {
    List<Change> changes = new ArrayList<>();
    if (!Files.exists(file)) {
      return changes;
    }
    byte[] content = Files.readAllBytes(file);
    boolean known = false;
    int number = 0;
    // A last line without its end was being written in a crash and never acknowledged; the next
    // append cuts it off.
    for (int start = 0, end = endOfLine(content, 0);
        end >= 0;
        start = end + 1, end = endOfLine(content, start)) {
      number++;
      JsonNode json = parse(content, start, end, number);
      if (number == 1) {
        known = base.equals(json.path(BASE).textValue());
      } else if (!json.has(REWRITTEN)) {
        changes.add(change(json, number));
      } else if (!known && base.equals(json.get(REWRITTEN).textValue())) {
        known = true;
        changes.clear();
      }
      length = end + 1L;
    }
    if (number > 0 && !known) {
      throw StoreException.damaged(file, "it does not belong to the document beside it", null);
    }
    return changes;
  }

  private JsonNode parse(byte[] content, int start, int end, int number) {
    int blank = start + 8;
    try {
      byte[] json = Arrays.copyOfRange(content, Math.min(blank + 1, end), end);
      if (!crc(json)
          .equals(
              new String(content, start, Math.min(8, end - start), StandardCharsets.US_ASCII))) {
        throw new IOException("its checksum is wrong");
      }
      return Json.tree(json);
    } catch (IOException e) {
      throw StoreException.damaged(file, "line " + number + ": " + Documents.firstLine(e), e);
    }
  }

  private Change change(JsonNode json, int number) {
    try {
      return Change.fromJson(json);
    } catch (IOException e) {
      throw StoreException.damaged(file, "line " + number + ": " + Documents.firstLine(e), e);
    }
  }

  private static int endOfLine(byte[] content, int from) {
    for (int i = from; i < content.length; i++) {
      if (content[i] == '\n') {
        return i;
      }
    }
    return -1;
  }

  private static String mark(byte[] content) {
    return crc(content) + "-" + content.length;
  }

  private static String crc(byte[] content) {
    CRC32 crc = new CRC32();
    crc.update(content);
    return String.format("%08x", crc.getValue());
  }
}
