package twin.store;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializerProvider;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.util.stream.StreamSupport;
import org.eclipse.digitaltwin.aas4j.v3.model.SubmodelElement;
import org.eclipse.digitaltwin.basyx.submodelservice.value.factory.SubmodelElementValueMapperFactory;
import twin.store.Chunk.Holds;
import twin.store.Elements.Row;

/**
 * Writes the value-only form of one element after the other; elements that have none are left out.
 *
 * <p>That of elements made of properties, ranges and small containers alone, such as the record of
 * a cycle, is made when they are written and lies beside their JSON; that of all others is made by
 * BaSyx when it is asked for.
 */
final class Values implements Elements.Visitor {

  private static final ObjectMapper MAPPER = new ObjectMapper();

  private final JsonGenerator out;
  private final SerializerProvider provider;

  Values(JsonGenerator out, SerializerProvider provider) {
    this.out = out;
    this.provider = provider;
  }

  /**
   * What is stored of the values of a row.
   *
   * @param name of the row
   * @return {@code null} if they are to be made of the JSON each time
   */
  static String of(String name, Holds holds, String json) {
    if (holds != Holds.NOTHING) {
      return null;
    }
    JsonNode element = Json.tree(json);
    if (!isPlain(element) || name != null && !name.equals(element.path("idShort").textValue())) {
      return null;
    }
    StringWriter text = new StringWriter();
    try (JsonGenerator out = MAPPER.createGenerator(text)) {
      new Values(out, null).value(element);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return text.toString();
  }

  private interface Step {
    void run() throws IOException;
  }

  private static void unchecked(Step step) {
    try {
      step.run();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  void begin(Holds holds) {
    unchecked(
        () -> {
          if (holds == Holds.LIST) {
            out.writeStartArray();
          } else {
            out.writeStartObject();
          }
        });
  }

  void end(Holds holds) {
    unchecked(
        () -> {
          if (holds == Holds.LIST) {
            out.writeEndArray();
          } else {
            out.writeEndObject();
          }
        });
  }

  @Override
  public void element(Row row) {
    unchecked(
        () -> {
          if (row.value() == null) {
            write(Json.tree(row.json()));
            return;
          }
          if (row.name() != null) {
            out.writeFieldName(row.name());
          }
          out.writeRawValue(row.value());
        });
  }

  @Override
  public void open(Row container) {
    JsonNode head = Json.tree(container.json());
    unchecked(() -> name(head));
    begin(container.holds());
  }

  @Override
  public void close(Row container) {
    end(container.holds());
  }

  private void name(JsonNode element) throws IOException {
    if (out.getOutputContext().inObject()) {
      out.writeFieldName(element.path("idShort").asText());
    }
  }

  private void write(JsonNode element) throws IOException {
    switch (element.path("modelType").asText()) {
      case "Operation", "Capability" -> {}
      default -> {
        name(element);
        value(element);
      }
    }
  }

  private static boolean isPlain(JsonNode element) {
    String type = element.path("modelType").asText();
    return switch (type) {
      case "Property", "Range" -> true;
      case "SubmodelElementCollection", "SubmodelElementList" ->
          StreamSupport.stream(element.path("value").spliterator(), false)
              .allMatch(Values::isPlain);
      default -> false;
    };
  }

  private void value(JsonNode element) throws IOException {
    String type = element.path("modelType").asText();
    switch (type) {
      case "Property" -> out.writeString(element.path("value").textValue());
      case "Range" -> {
        out.writeStartObject();
        bound("min", element);
        bound("max", element);
        out.writeEndObject();
      }
      case "SubmodelElementCollection", "SubmodelElementList" -> {
        Holds holds = Holds.of(type);
        begin(holds);
        for (JsonNode inner : element.path(holds.array())) {
          write(inner);
        }
        end(holds);
      }
      default -> {
        Object value =
            SubmodelElementValueMapperFactory.create(Json.fromTree(element, SubmodelElement.class))
                .getValue();
        provider.defaultSerializeValue(value, out);
      }
    }
  }

  private void bound(String name, JsonNode range) throws IOException {
    String value = range.path(name).asText("");
    if (value.matches("-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][-+]?[0-9]+)?")) {
      out.writeFieldName(name);
      out.writeNumber(value);
    } else if (!value.isEmpty()) {
      out.writeStringField(name, value);
    }
  }
}
