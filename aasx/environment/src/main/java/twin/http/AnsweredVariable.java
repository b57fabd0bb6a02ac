package twin.http;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParseException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonSerializable;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.annotation.JsonSerialize;
import com.fasterxml.jackson.databind.jsontype.TypeSerializer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.eclipse.digitaltwin.aas4j.v3.dataformat.core.internal.util.ReflectionHelper;
import org.eclipse.digitaltwin.aas4j.v3.model.OperationVariable;
import org.eclipse.digitaltwin.aas4j.v3.model.SubmodelElement;
import org.eclipse.digitaltwin.aas4j.v3.model.impl.DefaultOperationVariable;
import org.eclipse.digitaltwin.basyx.core.exceptions.OperationDelegationException;

/**
 * An output variable as a delegate has written it. The caller gets that text, which need not become
 * objects on its way; who asks for the element gets it read.
 */
@JsonSerialize(as = JsonSerializable.class)
final class AnsweredVariable implements OperationVariable, JsonSerializable {

  private static final Set<String> KINDS =
      ReflectionHelper.TYPES_WITH_MODEL_TYPE.stream()
          .map(Class::getSimpleName)
          .collect(Collectors.toSet());

  private final ObjectMapper mapper;
  private String json;

  private AnsweredVariable(String json, ObjectMapper mapper) {
    this.json = json;
    this.mapper = mapper;
  }

  /**
   * @param answer a JSON array of operation variables
   * @throws IOException if it is none, or names an unknown kind of element
   */
  static List<OperationVariable> in(byte[] answer, ObjectMapper mapper) throws IOException {
    List<OperationVariable> found = new ArrayList<>();
    try (JsonParser parser = mapper.createParser(answer)) {
      require(parser, parser.nextToken() == JsonToken.START_ARRAY);
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        int begin = (int) parser.currentTokenLocation().getByteOffset();
        require(parser, begin >= 0); // not known in another encoding than UTF-8
        skipVariable(parser);
        int end = (int) parser.currentLocation().getByteOffset();
        String json = new String(answer, begin, end - begin, StandardCharsets.UTF_8);
        found.add(new AnsweredVariable(json, mapper));
      }
      require(parser, parser.nextToken() == null);
    }
    return found;
  }

  private static void skipVariable(JsonParser parser) throws IOException {
    require(parser, parser.currentToken() == JsonToken.START_OBJECT);
    require(parser, "value".equals(parser.nextFieldName()));
    require(parser, parser.nextToken() == JsonToken.START_OBJECT);
    boolean hasKind = false;
    for (int depth = 1; depth > 0; ) {
      JsonToken token = parser.nextToken();
      if (token == JsonToken.FIELD_NAME && parser.currentName().equals("modelType")) {
        require(parser, KINDS.contains(parser.nextTextValue()));
        hasKind |= depth == 1;
      }
      depth += token.isStructStart() ? 1 : token.isStructEnd() ? -1 : 0;
    }
    require(parser, hasKind && parser.nextToken() == JsonToken.END_OBJECT);
  }

  private static void require(JsonParser parser, boolean holds) throws IOException {
    if (!holds) {
      throw new JsonParseException(parser, "not what operation variables have here");
    }
  }

  /**
   * @throws OperationDelegationException if it is no element
   */
  @Override
  public SubmodelElement getValue() {
    try {
      return mapper.readValue(json, DefaultOperationVariable.class).getValue();
    } catch (IOException e) {
      throw new OperationDelegationException(
          "The delegate "
              + Delegation.NO_VARIABLES
              + ": "
              + e.getMessage().lines().findFirst().orElse(""));
    }
  }

  @Override
  public void setValue(SubmodelElement element) {
    DefaultOperationVariable variable = new DefaultOperationVariable();
    variable.setValue(element);
    try {
      json = mapper.writeValueAsString(variable);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void serialize(JsonGenerator out, SerializerProvider provider) throws IOException {
    out.writeRawValue(json);
  }

  @Override
  public void serializeWithType(JsonGenerator out, SerializerProvider provider, TypeSerializer type)
      throws IOException {
    serialize(out, provider);
  }
}
