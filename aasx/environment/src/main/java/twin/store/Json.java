package twin.store;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.filter.FilteringParserDelegate;
import com.fasterxml.jackson.core.filter.TokenFilter;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import org.eclipse.digitaltwin.aas4j.v3.dataformat.json.JsonMapperFactory;
import org.eclipse.digitaltwin.aas4j.v3.dataformat.json.SimpleAbstractTypeResolverFactory;
import org.eclipse.digitaltwin.aas4j.v3.model.SubmodelElement;

/** AAS objects as JSON, in the form of the AAS specification (part 1, metamodel 3.0). */
final class Json {

  private static final JsonMapper MAPPER =
      new JsonMapperFactory().create(new SimpleAbstractTypeResolverFactory().create());
  private static final ObjectReader WHOLE =
      MAPPER.reader(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);
  private static final ObjectWriter ONE_LINE =
      MAPPER.writer().without(SerializationFeature.INDENT_OUTPUT);

  private static final TokenFilter NO_VARIABLES =
      new TokenFilter() {
        @Override
        public TokenFilter includeProperty(String name) {
          return name.endsWith("Variables") ? null : INCLUDE_ALL;
        }
      };

  private Json() {}

  /**
   * @throws StoreException if the object cannot be written so that it can be read again
   */
  static String text(Object object) {
    String json;
    try {
      json = ONE_LINE.writeValueAsString(object);
    } catch (JsonProcessingException e) {
      throw StoreException.refused(
          "This cannot be written as JSON: " + e.getOriginalMessage(), "Nothing was changed.");
    }
    if (!StandardCharsets.UTF_8.newEncoder().canEncode(json)) {
      throw StoreException.refused(
          "A text has half a character (a lone UTF-16 surrogate), which cannot be stored",
          "Nothing was changed. Send the text without it.");
    }
    return json;
  }

  /** Reads what the store itself wrote. */
  static <T> T read(String json, Class<T> type) {
    try {
      return WHOLE.readValue(json, type);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static JsonNode tree(String json) {
    return read(json, JsonNode.class);
  }

  static JsonNode tree(byte[] json) throws IOException {
    return WHOLE.readTree(json);
  }

  static <T> T fromTree(JsonNode node, Class<T> type) {
    try {
      return MAPPER.treeToValue(node, type);
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** An operation without its variables, or another element. */
  static SubmodelElement readWithoutVariables(String json) {
    try (JsonParser parser = MAPPER.createParser(json)) {
      return MAPPER.readValue(
          new FilteringParserDelegate(
              parser, NO_VARIABLES, TokenFilter.Inclusion.INCLUDE_ALL_AND_PATH, true),
          SubmodelElement.class);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
