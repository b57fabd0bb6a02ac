package twin.store;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import org.eclipse.digitaltwin.aas4j.v3.dataformat.json.JsonMapperFactory;
import org.eclipse.digitaltwin.aas4j.v3.dataformat.json.SimpleAbstractTypeResolverFactory;
import org.eclipse.digitaltwin.aas4j.v3.model.SubmodelElement;
import org.eclipse.digitaltwin.aas4j.v3.model.impl.DefaultOperation;

/** AAS objects as JSON, in the form of the AAS specification (part 1, metamodel 3.0). */
final class Json {

  private static final JsonMapper MAPPER =
      new JsonMapperFactory().create(new SimpleAbstractTypeResolverFactory().create());
  private static final ObjectReader WHOLE =
      MAPPER.reader(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);
  private static final ObjectWriter ONE_LINE =
      MAPPER.writer().without(SerializationFeature.INDENT_OUTPUT);

  private static final JsonMapper WITHOUT_VARIABLES = MAPPER.copy();

  static {
    WITHOUT_VARIABLES
        .configOverride(DefaultOperation.class)
        .setIgnorals(
            JsonIgnoreProperties.Value.forIgnoredProperties(
                "inputVariables", "inoutputVariables", "outputVariables"));
  }

  private Json() {}

  private interface Work<T> {
    T done() throws IOException;
  }

  private static <T> T unchecked(Work<T> work) {
    try {
      return work.done();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * @throws StoreException if the object has texts that could not be read again
   */
  static String text(Object object) {
    String json = unchecked(() -> ONE_LINE.writeValueAsString(object));
    if (!isLatin1(json) && !StandardCharsets.UTF_8.newEncoder().canEncode(json)) {
      throw StoreException.refused(
          "A text has half a character (a lone UTF-16 surrogate), which cannot be stored",
          "Nothing was changed. Send the text without it.");
    }
    return json;
  }

  /** Looked at first: most texts are, and that is seen much sooner than the other. */
  private static boolean isLatin1(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
    return new String(bytes, StandardCharsets.ISO_8859_1).equals(text);
  }

  static ObjectNode object() {
    return MAPPER.createObjectNode();
  }

  static JsonNode tree(Object object) {
    return MAPPER.valueToTree(object);
  }

  /** Reads what the store itself wrote. */
  static <T> T read(String json, Class<T> type) {
    return unchecked(() -> WHOLE.readValue(json, type));
  }

  /** The same; Jackson is quicker with bytes than with characters. */
  static JsonNode parse(String json) {
    return unchecked(() -> parse(json.getBytes(StandardCharsets.UTF_8)));
  }

  static JsonNode parse(byte[] json) throws IOException {
    return WHOLE.readTree(json);
  }

  static <T> T fromTree(JsonNode node, Class<T> type) {
    return unchecked(() -> MAPPER.treeToValue(node, type));
  }

  /** An operation without its variables, or another element. */
  static SubmodelElement readWithoutVariables(String json) {
    return unchecked(() -> WITHOUT_VARIABLES.readValue(json, SubmodelElement.class));
  }
}
