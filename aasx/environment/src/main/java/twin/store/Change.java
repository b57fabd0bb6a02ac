package twin.store;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import org.eclipse.digitaltwin.aas4j.v3.model.Submodel;
import org.eclipse.digitaltwin.aas4j.v3.model.SubmodelElement;
import org.eclipse.digitaltwin.aas4j.v3.model.SubmodelElementList;
import org.eclipse.digitaltwin.basyx.core.exceptions.CollidingIdentifierException;
import org.eclipse.digitaltwin.basyx.submodelservice.pathparsing.PathToken;

/**
 * One change of a submodel's elements: what is applied in memory, noted in the journal, and applied
 * again when a journal is read.
 *
 * @param path the container to add to ("" for the submodel itself), or the element to put or remove
 * @param element the new element, {@code null} when one is removed
 */
record Change(Kind kind, String path, SubmodelElement element) {

  enum Kind {
    add,
    put,
    remove
  }

  Submodel applyTo(Submodel submodel) {
    if (kind == Kind.add) {
      Deque<PathToken> container = path.isEmpty() ? new ArrayDeque<>() : ElementTree.steps(path);
      return ElementTree.edit(submodel, container, this::add);
    }
    Deque<PathToken> container = ElementTree.steps(path);
    PathToken last = container.removeLast();
    return ElementTree.edit(
        submodel,
        container,
        (parent, elements) -> {
          int index = ElementTree.indexOf(parent, elements, last);
          if (kind == Kind.remove) {
            elements.remove(index);
          } else {
            requireFree(parent, elements, index);
            elements.set(index, element);
          }
        });
  }

  private void add(Object parent, List<SubmodelElement> elements) {
    requireFree(parent, elements, -1);
    elements.add(element);
  }

  /**
   * Outside lists an element needs an idShort that no sibling has, other than the one it replaces.
   */
  private void requireFree(Object parent, List<SubmodelElement> elements, int replaced) {
    if (parent instanceof SubmodelElementList) {
      return;
    }
    String idShort = element.getIdShort();
    if (idShort == null || idShort.isBlank()) {
      throw new IllegalArgumentException("The element needs an idShort");
    }
    int index = ElementTree.indexOf(elements, idShort);
    if (index >= 0 && index != replaced) {
      throw new CollidingIdentifierException(idShort);
    }
  }

  byte[] toJson() throws JsonProcessingException {
    ObjectNode json = Json.object().put(kind.name(), path);
    if (element != null) {
      json.set("element", Json.toTree(element));
    }
    return Json.oneLine(json);
  }

  static Change fromJson(byte[] json) throws IOException {
    return fromJson(Json.tree(json));
  }

  static Change fromJson(JsonNode json) throws IOException {
    for (Kind kind : Kind.values()) {
      if (json.has(kind.name())) {
        JsonNode element = json.get("element");
        return new Change(
            kind,
            json.get(kind.name()).textValue(),
            element == null ? null : Json.fromTree(element, SubmodelElement.class));
      }
    }
    throw new IOException("not a change: " + json);
  }
}
