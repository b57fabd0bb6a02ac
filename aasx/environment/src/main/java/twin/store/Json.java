package twin.store;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import org.eclipse.digitaltwin.aas4j.v3.dataformat.json.JsonMapperFactory;
import org.eclipse.digitaltwin.aas4j.v3.dataformat.json.SimpleAbstractTypeResolverFactory;

/** AAS objects as JSON, in the form of the AAS specification (part 1, metamodel 3.0). */
final class Json {

  private static final JsonMapper MAPPER =
      new JsonMapperFactory().create(new SimpleAbstractTypeResolverFactory().create());
  private static final ObjectReader WHOLE =
      MAPPER.reader(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);
  private static final ObjectWriter ONE_LINE =
      MAPPER.writer().without(SerializationFeature.INDENT_OUTPUT);

  private Json() {}

  static byte[] indented(Object object) throws JsonProcessingException {
    return MAPPER.writeValueAsBytes(object);
  }

  static byte[] oneLine(JsonNode node) throws JsonProcessingException {
    return ONE_LINE.writeValueAsBytes(node);
  }

  static <T> T read(byte[] json, Class<T> type) throws IOException {
    return WHOLE.readValue(json, type);
  }

  static JsonNode tree(byte[] json) throws IOException {
    return WHOLE.readTree(json);
  }

  static ObjectNode object() {
    return MAPPER.createObjectNode();
  }

  static JsonNode toTree(Object object) {
    return MAPPER.valueToTree(object);
  }

  static <T> T fromTree(JsonNode node, Class<T> type) throws JsonProcessingException {
    return MAPPER.treeToValue(node, type);
  }

  static <T> T copy(T object, Class<T> type) {
    try {
      return fromTree(toTree(object), type);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(
          "This cannot be written as JSON: " + e.getOriginalMessage(), e);
    }
  }
}
