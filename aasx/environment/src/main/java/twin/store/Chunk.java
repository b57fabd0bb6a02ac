package twin.store;

import java.util.ArrayList;
import java.util.List;
import org.eclipse.digitaltwin.aas4j.v3.model.Entity;
import org.eclipse.digitaltwin.aas4j.v3.model.Submodel;
import org.eclipse.digitaltwin.aas4j.v3.model.SubmodelElement;
import org.eclipse.digitaltwin.aas4j.v3.model.SubmodelElementCollection;
import org.eclipse.digitaltwin.aas4j.v3.model.SubmodelElementList;
import org.springframework.beans.BeanUtils;

/**
 * An element as it is stored: small ones as one JSON text, large containers as their own text
 * without their elements, and a chunk for each of these.
 *
 * @param name of the row: the idShort, or {@code null} in a list
 * @param holds what kind of container was split, {@link Holds#NOTHING} if none was
 * @param elements of the split container, otherwise {@code null}
 */
record Chunk(String name, Holds holds, String json, List<Chunk> elements) {

  /** An element whose JSON is longer gets rows for its elements; about three cycles of a cell. */
  static final int LARGE = 16_384;

  /** Deeper nesting could be written but not read back by every client (and by Jackson at 500). */
  static final int DEEPEST = 100;

  /** The kinds of containers, with the name of the JSON array that has their elements. */
  enum Holds {
    NOTHING(null),
    SUBMODEL("submodelElements"),
    COLLECTION("value"),
    LIST("value"),
    ENTITY("statements");

    private final String array;

    Holds(String array) {
      this.array = array;
    }

    String array() {
      return array;
    }

    static Holds of(String modelType) {
      return switch (modelType) {
        case "SubmodelElementCollection" -> COLLECTION;
        case "SubmodelElementList" -> LIST;
        case "Entity" -> ENTITY;
        default -> NOTHING;
      };
    }
  }

  boolean isSplit() {
    return holds != Holds.NOTHING;
  }

  /**
   * @param depth how many containers the element stands in
   * @throws StoreException if it could not be read back
   */
  static Chunk of(SubmodelElement element, int depth) {
    if (depth > DEEPEST) {
      throw StoreException.refused(
          "Elements are nested in each other more than " + DEEPEST + " deep",
          "Nothing was changed. Use fewer levels.");
    }
    String name = Names.key(element.getIdShort());
    Holds holds = Holds.NOTHING;
    List<SubmodelElement> inner = List.of();
    SubmodelElement head = element;
    if (element instanceof SubmodelElementCollection collection) {
      holds = Holds.COLLECTION;
      inner = collection.getValue();
      head = shallowCopy(element);
      ((SubmodelElementCollection) head).setValue(null);
    } else if (element instanceof SubmodelElementList list) {
      holds = Holds.LIST;
      inner = list.getValue();
      head = shallowCopy(element);
      ((SubmodelElementList) head).setValue(null);
    } else if (element instanceof Entity entity) {
      holds = Holds.ENTITY;
      inner = entity.getStatements();
      head = shallowCopy(element);
      ((Entity) head).setStatements(null);
    }
    String json = Json.text(head);
    if (inner == null || inner.isEmpty()) {
      return new Chunk(name, Holds.NOTHING, json, null);
    }
    List<Chunk> elements = of(inner, depth + 1);
    if (holds == Holds.LIST) {
      elements = elements.stream().map(Chunk::inList).toList();
    }
    long length = json.length();
    boolean split = false;
    for (Chunk chunk : elements) {
      split |= chunk.isSplit();
      length += chunk.json().length();
    }
    if (split || length > LARGE) {
      return new Chunk(name, holds, json, elements);
    }
    StringBuilder whole = new StringBuilder((int) length + 64).append(open(json, holds));
    String comma = "";
    for (Chunk chunk : elements) {
      whole.append(comma).append(chunk.json());
      comma = ",";
    }
    return new Chunk(name, Holds.NOTHING, whole.append("]}").toString(), null);
  }

  private static List<Chunk> of(List<SubmodelElement> elements, int depth) {
    List<Chunk> chunks = new ArrayList<>(elements.size());
    for (SubmodelElement element : elements) {
      if (element == null) {
        throw StoreException.refused(
            "A list of elements contains null", "Nothing was changed. Leave it out.");
      }
      chunks.add(of(element, depth));
    }
    return chunks;
  }

  /** A submodel's own JSON, and its elements. */
  static Chunk of(Submodel submodel) {
    Submodel head = shallowCopy(submodel);
    head.setSubmodelElements(null);
    List<SubmodelElement> elements = submodel.getSubmodelElements();
    return new Chunk(
        null, Holds.SUBMODEL, Json.text(head), elements == null ? List.of() : of(elements, 1));
  }

  /** The same as an item of a list, where names say nothing. */
  Chunk inList() {
    return new Chunk(null, holds, json, elements);
  }

  /** A container's JSON up to where its first element goes. */
  static String open(String json, Holds holds) {
    return json.substring(0, json.length() - 1) + ",\"" + holds.array() + "\":[";
  }

  @SuppressWarnings("unchecked")
  static <T> T shallowCopy(T object) {
    T copy = (T) BeanUtils.instantiateClass(object.getClass());
    BeanUtils.copyProperties(object, copy);
    return copy;
  }
}
