package twin.store;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.util.RawValue;
import org.eclipse.digitaltwin.aas4j.v3.model.SubmodelElement;
import org.eclipse.digitaltwin.basyx.http.Aas4JHTTPSerializationExtension;
import org.eclipse.digitaltwin.basyx.submodelrepository.http.SubmodelRepositoryHTTPSerializationExtension;
import org.eclipse.digitaltwin.basyx.submodelservice.value.factory.SubmodelElementValueMapperFactory;
import org.springframework.http.converter.json.Jackson2ObjectMapperBuilder;
import twin.store.Chunk.Holds;

/** The value-only form of elements. */
final class Values {

  private static final JsonNodeFactory NEW = JsonNodeFactory.instance;
  private static final ObjectMapper MAPPER;

  static {
    Jackson2ObjectMapperBuilder builder = new Jackson2ObjectMapperBuilder();
    new Aas4JHTTPSerializationExtension().extend(builder);
    new SubmodelRepositoryHTTPSerializationExtension().extend(builder);
    MAPPER = builder.build();
  }

  private Values() {}

  /**
   * What lies beside the JSON of a row, so that it need not be made each time: for elements made of
   * properties, ranges and small containers alone, such as the record of a cycle.
   *
   * @return {@code null} for others
   */
  static String beside(JsonNode element) {
    String name = element.path("idShort").asText();
    return isPlain(element) && name.equals(Names.key(name)) ? of(element).toString() : null;
  }

  private static boolean isPlain(JsonNode element) {
    return switch (element.path("modelType").asText()) {
      case "Property", "Range" -> true;
      case "SubmodelElementCollection", "SubmodelElementList" ->
          Holds.in(element).valueStream().allMatch(Values::isPlain);
      default -> false;
    };
  }

  /** Missing where an element has none. */
  static JsonNode of(JsonNode element) {
    return switch (element.path("modelType").asText()) {
      case "Operation", "Capability" -> MissingNode.getInstance();
      case "Property" -> element.has("value") ? element.get("value") : NEW.nullNode();
      case "Range" -> {
        ObjectNode range = NEW.objectNode();
        for (String bound : new String[] {"min", "max"}) {
          String value = element.path(bound).asText();
          if (value.matches("-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][-+]?[0-9]+)?")) {
            range.putRawValue(bound, new RawValue(value));
          } else if (!value.isEmpty()) {
            range.put(bound, value);
          }
        }
        yield range;
      }
      case "SubmodelElementCollection" -> {
        ObjectNode values = NEW.objectNode();
        for (JsonNode inner : Holds.in(element)) {
          JsonNode value = of(inner);
          if (!value.isMissingNode()) {
            values.set(inner.path("idShort").asText(), value);
          }
        }
        yield values;
      }
      case "SubmodelElementList" ->
          NEW.arrayNode()
              .addAll(
                  Holds.in(element)
                      .valueStream()
                      .map(Values::of)
                      .filter(value -> !value.isMissingNode())
                      .toList());
      default ->
          MAPPER.valueToTree(
              SubmodelElementValueMapperFactory.create(
                      Json.fromTree(element, SubmodelElement.class))
                  .getValue());
    };
  }
}
