package twin.store;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import org.eclipse.digitaltwin.aas4j.v3.model.Entity;
import org.eclipse.digitaltwin.aas4j.v3.model.Submodel;
import org.eclipse.digitaltwin.aas4j.v3.model.SubmodelElementCollection;
import org.eclipse.digitaltwin.aas4j.v3.model.SubmodelElementList;

/**
 * What is stored of an object: small ones as one JSON text, large containers as their own text
 * without their elements, and a chunk for each of these. A submodel is always split, a shell or
 * concept description never.
 *
 * @param name of the row: the idShort, or {@code null} in a list
 * @param holds what kind of container was split, {@link Holds#NOTHING} if none was
 * @param value what lies beside the JSON, see {@link Values#beside}
 * @param elements of what was split
 */
record Chunk(String name, Holds holds, String json, String value, List<Chunk> elements) {

  /** An element whose JSON is longer gets rows for its elements; about three cycles of a cell. */
  static final int LARGE = 16_384;

  /** Deeper nesting could be written but not read back by every client (and by Jackson at 500). */
  static final int DEEPEST = 100;

  /** The kinds of containers, with the name of the JSON array that has their elements. */
  enum Holds {
    NOTHING(Void.class, ""),
    SUBMODEL(Submodel.class, "submodelElements"),
    COLLECTION(SubmodelElementCollection.class, "value"),
    LIST(SubmodelElementList.class, "value"),
    ENTITY(Entity.class, "statements");

    private final Class<?> type;
    private final String array;

    Holds(Class<?> type, String array) {
      this.type = type;
      this.array = array;
    }

    Class<?> type() {
      return type;
    }

    String array() {
      return array;
    }

    static Holds of(JsonNode object) {
      return switch (object.path("modelType").asText()) {
        case "Submodel" -> SUBMODEL;
        case "SubmodelElementCollection" -> COLLECTION;
        case "SubmodelElementList" -> LIST;
        case "Entity" -> ENTITY;
        default -> NOTHING;
      };
    }

    /** The elements in the JSON of a container. */
    static JsonNode in(JsonNode container) {
      return container.path(of(container).array);
    }
  }

  boolean isSplit() {
    return holds != Holds.NOTHING;
  }

  /**
   * @param container what the object stands in
   * @param depth how many containers it stands in
   * @throws StoreException if it could not be read back
   */
  static Chunk of(JsonNode object, Holds container, int depth) {
    check(object, depth);
    return of(object, container);
  }

  /**
   * @throws StoreException if it could not be read back
   */
  static void check(JsonNode object, int depth) {
    if (object.isNull()) {
      throw StoreException.refused(
          "A list of elements contains null", "Nothing was changed. Leave it out.");
    }
    if (depth > DEEPEST) {
      throw StoreException.refused(
          "Elements are nested in each other more than " + DEEPEST + " deep",
          "Nothing was changed. Use fewer levels.");
    }
    Holds.in(object).forEach(element -> check(element, depth + 1));
  }

  private static Chunk of(JsonNode object, Holds container) {
    String name = container == Holds.LIST ? null : Names.key(object.path("idShort").textValue());
    Holds holds = Holds.of(object);
    JsonNode elements = Holds.in(object);
    String json = Json.text(object);
    if (holds != Holds.SUBMODEL && (elements.isEmpty() || json.length() <= LARGE)) {
      String value = json.length() <= LARGE ? Values.beside(object) : null;
      return new Chunk(name, Holds.NOTHING, json, value, List.of());
    }
    List<Chunk> inner = elements.valueStream().map(element -> of(element, holds)).toList();
    String head = Json.text(((ObjectNode) object).without(holds.array));
    return new Chunk(name, holds, head, null, inner);
  }

  /** A container's JSON up to where its first element goes. */
  static String open(String json, Holds holds) {
    return json.substring(0, json.length() - 1) + ",\"" + holds.array() + "\":[";
  }
}
