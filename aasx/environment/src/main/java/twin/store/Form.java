package twin.store;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Map;
import org.eclipse.digitaltwin.aas4j.v3.model.SubmodelElement;
import twin.store.Chunk.Holds;

/**
 * The form in which elements that clients send as JSON are stored: that in which aas4j writes them.
 */
final class Form {

  private Form() {}

  /**
   * @throws StoreException if it is no element
   */
  static JsonNode of(JsonNode given) {
    try {
      return Json.tree(Json.fromTree(given, SubmodelElement.class));
    } catch (UncheckedIOException e) {
      throw StoreException.refused(
          "An element cannot be read: " + e.getCause().getMessage().lines().findFirst().orElse(""),
          "Nothing was changed.");
    }
  }

  /**
   * The same for one that takes the place of another. Where only values are new, which is so for
   * what is measured or predicted again and again, these come into the form of the other, and
   * nothing needs to become objects for that.
   *
   * @param known as it is stored
   */
  static JsonNode of(JsonNode given, JsonNode known) {
    JsonNode filled = filled(given, known);
    return filled == null ? of(given) : filled;
  }

  /**
   * The elements of a collection, as they are given.
   *
   * @param known the collection that is stored
   * @throws StoreException if the given one is none, whatever its elements are
   */
  static JsonNode elements(JsonNode given, JsonNode known) {
    JsonNode elements = Holds.in(given);
    if (!elements.isArray()) {
      of(given);
    } else if (!isPartOf(given, known, List.of(Holds.COLLECTION.array()))) {
      of(((ObjectNode) Json.object().setAll((ObjectNode) given)).without(Holds.COLLECTION.array()));
    }
    return elements;
  }

  /** {@code null} where more is new than values, or it cannot be told. */
  private static JsonNode filled(JsonNode given, JsonNode known) {
    Holds holds = Holds.of(known);
    List<String> values =
        switch (known.path("modelType").asText()) {
          case "Property" -> List.of("value");
          case "Range" -> List.of("min", "max");
          default -> holds == Holds.NOTHING ? List.of() : List.of(holds.array());
        };
    if (!isPartOf(given, known, values) || !isPartOf(known, given, values)) {
      return null;
    }
    ObjectNode filled = Json.object().setAll((ObjectNode) known);
    for (String name : values) {
      JsonNode value = given.path(name);
      if (value.isMissingNode()) {
        filled.remove(name);
        continue;
      }
      JsonNode inside =
          holds != Holds.NOTHING
              ? filled(value, known.path(name), holds)
              : value.isTextual() ? value : null;
      if (inside == null) {
        return null;
      }
      filled.set(name, inside);
    }
    return filled;
  }

  /** Each in the form of the one in its place; in lists, where all are of one kind, of the last. */
  private static JsonNode filled(JsonNode given, JsonNode known, Holds holds) {
    int count = known.size();
    if (!given.isArray()
        || given.isEmpty()
        || count == 0
        || count != given.size() && holds != Holds.LIST) {
      return null;
    }
    ArrayNode all = Json.object().arrayNode();
    for (JsonNode one : given) {
      JsonNode filled = filled(one, known.path(Math.min(all.size(), count - 1)));
      if (filled == null) {
        return null;
      }
      all.add(filled);
    }
    return all;
  }

  /** Whether all that one has stands in the other, but for some fields. */
  private static boolean isPartOf(JsonNode one, JsonNode other, List<String> but) {
    for (Map.Entry<String, JsonNode> field : one.properties()) {
      if (!but.contains(field.getKey()) && !field.getValue().equals(other.get(field.getKey()))) {
        return false;
      }
    }
    return one.isObject();
  }
}
