package twin.http;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.EOFException;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipInputStream;
import javax.xml.stream.XMLInputFactory;
import javax.xml.stream.XMLStreamConstants;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamReader;
import org.apache.poi.openxml4j.exceptions.OpenXML4JRuntimeException;
import org.apache.poi.openxml4j.util.ZipSecureFile;
import org.apache.poi.util.RecordFormatException;
import org.springframework.core.MethodParameter;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.http.converter.HttpMessageConverter;
import org.springframework.http.server.ServerHttpRequest;
import org.springframework.http.server.ServerHttpResponse;
import org.springframework.web.bind.annotation.ControllerAdvice;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.multipart.MultipartFile;
import org.springframework.web.multipart.MultipartHttpServletRequest;
import org.springframework.web.servlet.HandlerInterceptor;
import org.springframework.web.servlet.config.annotation.InterceptorRegistry;
import org.springframework.web.servlet.config.annotation.WebMvcConfigurer;
import org.springframework.web.servlet.mvc.method.annotation.ResponseBodyAdvice;

/**
 * Looks into what is sent to /upload before BaSyx reads it: a package that unpacks to more than
 * there is memory for, XML with a document type (entities), XML or JSON that is nested without end.
 * What is no such document at all is answered 400, not 500.
 */
@ControllerAdvice
class Documents implements HandlerInterceptor, WebMvcConfigurer, ResponseBodyAdvice<Object> {

  private static final String PATH = "/upload";
  private static final String ROOM = Documents.class.getName();
  private static final int MOST_PARTS = 10_000;
  private static final int LONGEST_ZIP_END = 22 + 65_535;

  /** Apache POI, which BaSyx reads packages with, takes no larger part. */
  private static final long LARGEST_PART = 100_000_000;

  /** Files are kept as they are, documents become objects. */
  private static final int FILE_BYTES_PER_DOCUMENT_BYTE = 4;

  private final ObjectMapper mapper;
  private final Heap heap;
  private final JsonFactory json = new JsonFactory();
  private final XMLInputFactory xml = XMLInputFactory.newFactory();

  Documents(ObjectMapper mapper, Heap heap) {
    this.mapper = mapper;
    this.heap = heap;
    xml.setProperty(XMLInputFactory.SUPPORT_DTD, false);
    xml.setProperty(XMLInputFactory.IS_SUPPORTING_EXTERNAL_ENTITIES, false);
    // What a package unpacks to is counted here; a table of equal lines may pack a hundredfold.
    ZipSecureFile.setMinInflateRatio(0);
  }

  /** Why a document is not taken. */
  private static class Refused extends IOException {
    private static final long serialVersionUID = 1L;
    private final HttpStatus status;

    Refused(HttpStatus status, String why) {
      super(why);
      this.status = status;
    }
  }

  @Override
  public void addInterceptors(InterceptorRegistry registry) {
    registry.addInterceptor(this).addPathPatterns(PATH);
  }

  @Override
  public boolean preHandle(HttpServletRequest request, HttpServletResponse response, Object handler)
      throws IOException {
    if (!(request instanceof MultipartHttpServletRequest parts)) {
      return true;
    }
    try {
      long room = 0;
      for (MultipartFile file : parts.getFileMap().values()) {
        room += look(file);
      }
      if (!heap.enter(room)) {
        response.setHeader("Retry-After", "5");
        throw new Refused(
            HttpStatus.SERVICE_UNAVAILABLE,
            "Too many large requests at the same time. Send it again later.");
      }
      request.setAttribute(ROOM, room);
      return true;
    } catch (Refused refused) {
      answer(response, refused.status, refused.getMessage());
    } catch (ZipException | EOFException e) {
      answer(response, HttpStatus.BAD_REQUEST, "The file is no readable AASX package: broken zip.");
    }
    return false;
  }

  @Override
  public void afterCompletion(
      HttpServletRequest request, HttpServletResponse response, Object handler, Exception e) {
    if (request.getAttribute(ROOM) instanceof Long room) {
      request.removeAttribute(ROOM);
      heap.leave(room);
    }
  }

  private void answer(HttpServletResponse response, HttpStatus status, String text)
      throws IOException {
    response.setStatus(status.value());
    response.setContentType(MediaType.APPLICATION_JSON_VALUE);
    mapper.writeValue(
        response.getOutputStream(), Result.error(String.valueOf(status.value()), text));
  }

  /** Reads a file once through; returns the bytes of document whose room it will take. */
  private long look(MultipartFile file) throws IOException {
    String type = String.valueOf(file.getContentType());
    try (InputStream in = file.getInputStream()) {
      if (type.contains("asset-administration-shell-package")) {
        requireDirectory(file);
        return lookIntoPackage(new ZipInputStream(in));
      }
      Counted document = new Counted(in, 0);
      lookInto(type.endsWith("json") ? ".json" : ".xml", document);
      return document.room();
    }
  }

  /** A zip that was cut has none at its end. */
  private static void requireDirectory(MultipartFile file) throws IOException {
    try (InputStream in = file.getInputStream()) {
      in.skipNBytes(Math.max(0, file.getSize() - LONGEST_ZIP_END));
      String end = new String(in.readAllBytes(), StandardCharsets.ISO_8859_1);
      if (!end.contains("PK\005\006")) {
        throw new ZipException();
      }
    }
  }

  private long lookIntoPackage(ZipInputStream zip) throws IOException {
    long room = 0;
    int parts = 0;
    for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
      if (++parts > MOST_PARTS) {
        throw new Refused(
            HttpStatus.BAD_REQUEST, "The package has more than " + MOST_PARTS + " parts.");
      }
      String name = entry.getName().toLowerCase(Locale.ROOT);
      Counted part = new Counted(zip, room);
      if (name.endsWith(".xml") || name.endsWith(".json") || name.endsWith(".rels")) {
        lookInto(name, part);
      }
      part.drain();
      room = part.room();
    }
    if (parts == 0) {
      throw new ZipException();
    }
    return room;
  }

  private void lookInto(String name, Counted in) throws IOException {
    in.isDocument = true;
    try {
      if (name.endsWith(".json")) {
        JsonParser parser = json.createParser(in);
        parser.disable(JsonParser.Feature.AUTO_CLOSE_SOURCE);
        while (parser.nextToken() != null) {
          // Jackson bounds depth and lengths.
        }
      } else {
        lookIntoXml(in);
      }
    } catch (JsonProcessingException e) {
      throw new Refused(HttpStatus.BAD_REQUEST, "The JSON cannot be read: " + first(e));
    } catch (XMLStreamException e) {
      if (in.refused != null) {
        throw in.refused;
      }
      throw new Refused(HttpStatus.BAD_REQUEST, "The XML cannot be read: " + first(e));
    }
  }

  private static String first(Exception e) {
    return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
  }

  private void lookIntoXml(InputStream in) throws XMLStreamException, Refused {
    XMLStreamReader reader;
    synchronized (xml) {
      reader = xml.createXMLStreamReader(in);
    }
    while (reader.hasNext()) { // Woodstox bounds depth and lengths
      if (reader.next() == XMLStreamConstants.DTD) {
        throw new Refused(
            HttpStatus.BAD_REQUEST,
            "XML with a document type (<!DOCTYPE …>) is not taken: remove it.");
      }
    }
  }

  /**
   * Counts what really comes, whatever the directory of a package says, and stops where it gets too
   * much.
   */
  private final class Counted extends FilterInputStream {
    private final long before;
    private boolean isDocument;
    private long count;
    private Refused refused;

    Counted(InputStream in, long before) {
      super(in);
      this.before = before;
    }

    /** With what stood before it. */
    long room() {
      return before + (isDocument ? count : count / FILE_BYTES_PER_DOCUMENT_BYTE);
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] buffer, int start, int length) throws IOException {
      int found = super.read(buffer, start, length);
      count += Math.max(0, found);
      if (room() > heap.bytes() || count > LARGEST_PART) {
        refused =
            new Refused(
                HttpStatus.PAYLOAD_TOO_LARGE,
                "This is more than the environment can take at once: documents of %d MB, or four"
                        .formatted(heap.bytes() >> 20)
                    + " times as much of files, and 100 MB a file. Send it in parts, or give the"
                    + " environment more memory (-Xmx).");
        throw refused;
      }
      return found;
    }

    void drain() throws IOException {
      byte[] buffer = new byte[1 << 16];
      while (read(buffer, 0, buffer.length) >= 0) {
        // counted
      }
    }

    @Override
    public void close() {
      // The zip goes on; Spring closes the file.
    }
  }

  // --- what BaSyx could not read

  @Override
  public boolean supports(
      MethodParameter returned, Class<? extends HttpMessageConverter<?>> converter) {
    return returned.getMethod() != null
        && returned.getMethod().getName().equals("uploadEnvironment");
  }

  @Override
  public Object beforeBodyWrite(
      Object done,
      MethodParameter returned,
      MediaType contentType,
      Class<? extends HttpMessageConverter<?>> converter,
      ServerHttpRequest request,
      ServerHttpResponse response) {
    if (Boolean.TRUE.equals(done)) {
      return done;
    }
    response.setStatusCode(HttpStatus.BAD_REQUEST);
    return Result.error("400", "The file is no AAS environment or package that can be read.");
  }

  @ExceptionHandler({OpenXML4JRuntimeException.class, RecordFormatException.class})
  ResponseEntity<Map<String, Object>> unreadable(RuntimeException e) {
    return Result.answer(
        HttpStatus.BAD_REQUEST, "The file is no AASX package that can be read: " + first(e));
  }
}
