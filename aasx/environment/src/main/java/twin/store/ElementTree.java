package twin.store;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.Stack;
import java.util.function.Consumer;
import org.eclipse.digitaltwin.aas4j.v3.model.AnnotatedRelationshipElement;
import org.eclipse.digitaltwin.aas4j.v3.model.Entity;
import org.eclipse.digitaltwin.aas4j.v3.model.Operation;
import org.eclipse.digitaltwin.aas4j.v3.model.OperationVariable;
import org.eclipse.digitaltwin.aas4j.v3.model.Submodel;
import org.eclipse.digitaltwin.aas4j.v3.model.SubmodelElement;
import org.eclipse.digitaltwin.aas4j.v3.model.SubmodelElementCollection;
import org.eclipse.digitaltwin.aas4j.v3.model.SubmodelElementList;
import org.eclipse.digitaltwin.basyx.core.exceptions.ElementDoesNotExistException;
import org.eclipse.digitaltwin.basyx.submodelservice.pathparsing.ListIndexPathToken;
import org.eclipse.digitaltwin.basyx.submodelservice.pathparsing.PathToken;
import org.eclipse.digitaltwin.basyx.submodelservice.pathparsing.SubmodelElementIdShortPathParser;
import org.springframework.beans.BeanUtils;

/**
 * The elements of a submodel as a tree that is never changed in place: an edit copies the
 * containers on its path and shares everything else with the version before, which readers may
 * still hold.
 */
final class ElementTree {

  /** Changes the elements of one container, of which it is given a copy. */
  interface Edit {
    /**
     * @param parent the submodel, collection, list or entity the elements belong to
     */
    void apply(Object parent, List<SubmodelElement> elements);
  }

  private ElementTree() {}

  /**
   * @return the steps of an idShort path, outermost first
   */
  static Deque<PathToken> steps(String path) {
    Stack<PathToken> stack = new SubmodelElementIdShortPathParser().parsePathTokens(path);
    Deque<PathToken> steps = new ArrayDeque<>();
    while (!stack.isEmpty()) {
      steps.add(stack.pop());
    }
    return steps;
  }

  /**
   * @return a new version of the submodel in which the container at the end of the steps is edited
   */
  static Submodel edit(Submodel submodel, Deque<PathToken> container, Edit edit) {
    Submodel copy = shallowCopy(submodel);
    copy.setSubmodelElements(edited(submodel, submodel.getSubmodelElements(), container, edit));
    return copy;
  }

  private static List<SubmodelElement> edited(
      Object parent, List<SubmodelElement> elements, Deque<PathToken> steps, Edit edit) {
    List<SubmodelElement> copies = new ArrayList<>(orEmpty(elements));
    if (steps.isEmpty()) {
      edit.apply(parent, copies);
      return copies;
    }
    Deque<PathToken> further = new ArrayDeque<>(steps);
    int index = indexOf(parent, copies, further.pop());
    SubmodelElement child = shallowCopy(copies.get(index));
    if (child instanceof SubmodelElementCollection collection) {
      collection.setValue(edited(child, collection.getValue(), further, edit));
    } else if (child instanceof SubmodelElementList list) {
      list.setValue(edited(child, list.getValue(), further, edit));
    } else if (child instanceof Entity entity) {
      entity.setStatements(edited(child, entity.getStatements(), further, edit));
    } else if (further.isEmpty()) {
      throw new IllegalArgumentException(child.getIdShort() + " cannot hold elements");
    } else {
      throw new ElementDoesNotExistException(further.peek().getToken());
    }
    copies.set(index, child);
    return copies;
  }

  /**
   * @return where the element that the step names stands among its siblings
   */
  static int indexOf(Object parent, List<SubmodelElement> elements, PathToken step) {
    boolean byIndex = step instanceof ListIndexPathToken;
    if (byIndex == parent instanceof SubmodelElementList) {
      int index = byIndex ? Integer.parseInt(step.getToken()) : indexOf(elements, step.getToken());
      if (index >= 0 && index < elements.size()) {
        return index;
      }
    }
    throw new ElementDoesNotExistException(step.getToken());
  }

  /**
   * @return the position of the element with this idShort, or -1
   */
  static int indexOf(List<SubmodelElement> elements, String idShort) {
    for (int i = 0; i < elements.size(); i++) {
      if (elements.get(i) != null && idShort.equals(elements.get(i).getIdShort())) {
        return i;
      }
    }
    return -1;
  }

  /**
   * Shows every element to the visitor, at whatever depth; missing ones (JSON null) are passed
   * over.
   */
  static void visit(List<? extends SubmodelElement> elements, Consumer<SubmodelElement> visitor) {
    for (SubmodelElement element : orEmpty(elements)) {
      if (element != null) {
        visitor.accept(element);
        visit(children(element), visitor);
      }
    }
  }

  private static <T> List<T> orEmpty(List<T> list) {
    return list == null ? Collections.emptyList() : list;
  }

  private static List<? extends SubmodelElement> children(SubmodelElement element) {
    if (element instanceof SubmodelElementCollection collection) {
      return collection.getValue();
    } else if (element instanceof SubmodelElementList list) {
      return list.getValue();
    } else if (element instanceof Entity entity) {
      return entity.getStatements();
    } else if (element instanceof AnnotatedRelationshipElement relationship) {
      return relationship.getAnnotations();
    } else if (element instanceof Operation operation) {
      List<SubmodelElement> variables = new ArrayList<>();
      for (List<OperationVariable> some :
          Arrays.asList(
              operation.getInputVariables(),
              operation.getOutputVariables(),
              operation.getInoutputVariables())) {
        orEmpty(some).forEach(variable -> variables.add(variable.getValue()));
      }
      return variables;
    }
    return Collections.emptyList();
  }

  @SuppressWarnings("unchecked")
  static <T> T shallowCopy(T object) {
    T copy = (T) BeanUtils.instantiateClass(object.getClass());
    BeanUtils.copyProperties(object, copy);
    return copy;
  }
}
