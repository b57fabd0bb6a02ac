package twin.store;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.eclipse.digitaltwin.aas4j.v3.model.Entity;
import org.eclipse.digitaltwin.aas4j.v3.model.Referable;
import org.eclipse.digitaltwin.aas4j.v3.model.Submodel;
import org.eclipse.digitaltwin.aas4j.v3.model.SubmodelElementCollection;
import org.eclipse.digitaltwin.aas4j.v3.model.SubmodelElementList;
import org.springframework.beans.BeanUtils;
import org.springframework.beans.PropertyAccessorFactory;

/**
 * What is stored of an object: small ones as one JSON text, large containers as their own text
 * without their elements, and a chunk for each of these. A submodel is always split, a shell or
 * concept description never.
 *
 * @param name of the row: the idShort, or {@code null} in a list
 * @param holds what kind of container was split, {@link Holds#NOTHING} if none was
 * @param elements of what was split
 */
record Chunk(String name, Holds holds, String json, List<Chunk> elements) {

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

    private static Holds of(Referable object) {
      return Stream.of(values())
          .filter(holds -> holds.type.isInstance(object))
          .findFirst()
          .orElse(NOTHING);
    }

    static Holds of(JsonNode element) {
      return switch (element.path("modelType").asText()) {
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
  static Chunk of(Referable object, Holds container, int depth) {
    if (object == null) {
      throw StoreException.refused(
          "A list of elements contains null", "Nothing was changed. Leave it out.");
    }
    if (depth > DEEPEST) {
      throw StoreException.refused(
          "Elements are nested in each other more than " + DEEPEST + " deep",
          "Nothing was changed. Use fewer levels.");
    }
    String name = container == Holds.LIST ? null : Names.key(object.getIdShort());
    Holds holds = Holds.of(object);
    if (holds == Holds.NOTHING) {
      return new Chunk(name, holds, Json.text(object), List.of());
    }
    Referable head = BeanUtils.instantiateClass(object.getClass());
    BeanUtils.copyProperties(object, head, holds.array);
    Object inner =
        PropertyAccessorFactory.forBeanPropertyAccess(object).getPropertyValue(holds.array);
    String json = Json.text(head);
    List<Chunk> elements =
        inner == null
            ? List.of()
            : ((List<?>) inner)
                .stream().map(element -> of((Referable) element, holds, depth + 1)).toList();
    int length = json.length() + elements.stream().mapToInt(chunk -> chunk.json.length()).sum();
    boolean split = length > LARGE || elements.stream().anyMatch(Chunk::isSplit);
    if (holds == Holds.SUBMODEL || split && !elements.isEmpty()) {
      return new Chunk(name, holds, json, elements);
    }
    String whole =
        elements.isEmpty()
            ? json
            : elements.stream()
                .map(Chunk::json)
                .collect(Collectors.joining(",", open(json, holds), "]}"));
    return new Chunk(name, Holds.NOTHING, whole, List.of());
  }

  /** A container's JSON up to where its first element goes. */
  static String open(String json, Holds holds) {
    return json.substring(0, json.length() - 1) + ",\"" + holds.array() + "\":[";
  }
}
