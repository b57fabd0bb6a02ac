package twin.store;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonPointer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever stands in the place of a given element, it is stored as it would be without. */
class FormTest {

  private static final String MEANING =
      "'semanticId':{'type':'ExternalReference','keys':[{'type':'GlobalReference','value':'u:1'}]},";
  private static final String PROPERTY =
      "{'modelType':'Property'," + MEANING + "'idShort':'A','valueType':'xs:int','value':'1'}";
  private static final String UNNAMED = "{'modelType':'Property','valueType':'xs:int','value':'1'}";
  private static final String ROW =
      "{'modelType':'SubmodelElementCollection','value':[" + PROPERTY + "]}";

  @ParameterizedTest
  @ValueSource(
      strings = {
        PROPERTY,
        "{'modelType':'Range','idShort':'A','valueType':'xs:int','min':'1','max':'2'}",
        "{'modelType':'SubmodelElementList','idShort':'A','orderRelevant':true,"
            + "'typeValueListElement':'Property','valueTypeListElement':'xs:int','value':["
            + (UNNAMED + "," + UNNAMED + "]}"),
        "{'modelType':'SubmodelElementList','idShort':'A','orderRelevant':true,"
            + ("'typeValueListElement':'SubmodelElementCollection','value':[" + ROW)
            + ("," + ROW + "]}"),
        "{'modelType':'Entity','idShort':'A','entityType':'CoManagedEntity','statements':["
            + (PROPERTY + "]}"),
        "{'modelType':'MultiLanguageProperty','idShort':'A','value':[{'language':'en','text':'b'}]}",
        "{'modelType':'File','idShort':'A','contentType':'text/csv','value':'a.csv'}",
        "{'modelType':'Blob','idShort':'A','contentType':'text/csv','value':'YQ=='}",
        "{'modelType':'ReferenceElement','idShort':'A','value':{'type':'ModelReference','keys':["
            + "{'type':'Submodel','value':'u:1'}]}}"
      })
  void anElementIsStoredAsItIsAlone(String json) {
    JsonNode known = Form.of(tree(json));
    List<JsonNode> changed = changed(known);
    assertThat(changed).hasSizeGreaterThan(20);
    for (JsonNode given : changed) {
      assertThat(stored(() -> Form.of(given, known)))
          .describedAs("%s in the place of %s", given, known)
          .isEqualTo(stored(() -> Form.of(given)));
      assertThat(known).isEqualTo(Form.of(tree(json)));
    }
  }

  private interface Work {
    JsonNode done();
  }

  private static String stored(Work work) {
    try {
      JsonNode form = work.done();
      Chunk.check(form, 0);
      return form.toPrettyString();
    } catch (StoreException e) {
      return e.getMessage();
    }
  }

  private static JsonNode tree(String json) {
    return Json.parse(json.replace('\'', '"'));
  }

  /** The element with each of its parts changed in turn. */
  private static List<JsonNode> changed(JsonNode element) {
    List<JsonNode> found = new ArrayList<>(List.of(element));
    for (JsonPointer place : places(element, JsonPointer.empty())) {
      for (String other : new String[] {"'2'", "''", "5", "null", "{}", "[]", "[null]", UNNAMED}) {
        found.add(with(element, place, tree(other)));
      }
      found.add(with(element, place, null));
      JsonNode part = element.at(place);
      if (part.isArray()) {
        ArrayNode longer = part.deepCopy();
        found.add(with(element, place, longer.add(part.get(0))));
        ArrayNode shorter = part.deepCopy();
        shorter.remove(0);
        found.add(with(element, place, shorter));
      } else if (part.isObject()) {
        found.add(with(element, place, ((ObjectNode) part.deepCopy()).put("more", "1")));
      }
    }
    return found;
  }

  private static List<JsonPointer> places(JsonNode node, JsonPointer here) {
    List<JsonPointer> found = new ArrayList<>();
    if (node.isObject()) {
      node.fieldNames().forEachRemaining(name -> found.add(here.appendProperty(name)));
    }
    for (int i = 0; node.isArray() && i < node.size(); i++) {
      found.add(here.appendIndex(i));
    }
    for (JsonPointer inner : List.copyOf(found)) {
      found.addAll(places(node.at(inner.last()), inner));
    }
    return found;
  }

  /**
   * @param part {@code null} for none
   */
  private static JsonNode with(JsonNode element, JsonPointer place, JsonNode part) {
    JsonNode copy = element.deepCopy();
    JsonNode container = copy.at(place.head());
    String name = place.last().getMatchingProperty();
    if (container instanceof ArrayNode array) {
      int index = place.last().getMatchingIndex();
      if (part == null) {
        array.remove(index);
      } else {
        array.set(index, part);
      }
    } else if (part == null) {
      ((ObjectNode) container).remove(name);
    } else {
      ((ObjectNode) container).set(name, part);
    }
    return copy;
  }
}
