package twin.store;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Base64;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.eclipse.digitaltwin.basyx.http.Base64UrlEncodedIdentifier;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.PatchMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RestController;

/**
 * PATCH of a submodel (IDTA-01002, PatchSubmodelById) or of one of its elements
 * (PatchSubmodelElementByPath), which BaSyx does not have: some of the elements in it, at any
 * depth, in one step. A File whose value is a data URL (RFC 2397) gets what that holds as its
 * attachment.
 */
@RestController
@ConditionalOnBean(Store.class)
class SubmodelPatch {

  private static final Set<String> TAKEN = Set.of("id", "modelType", "submodelElements");

  private static final Pattern DATA_URL =
      Pattern.compile("data:[\\w.+-]+/([\\w.+-]+)(?:;[\\w.=-]+)*;base64,");

  private final Store store;

  SubmodelPatch(Store store) {
    this.store = store;
  }

  @PatchMapping("/submodels/{submodelIdentifier}")
  ResponseEntity<Void> patch(
      @PathVariable Base64UrlEncodedIdentifier submodelIdentifier, @RequestBody JsonNode submodel) {
    String id = submodelIdentifier.getIdentifier();
    for (Iterator<String> names = submodel.fieldNames(); names.hasNext(); ) {
      String name = names.next();
      if (!TAKEN.contains(name)) {
        throw StoreException.refused(
            "PATCH of a submodel changes its elements, not its " + name,
            "Nothing was changed. Leave it out, or replace the submodel with PUT.");
      }
    }
    if (!submodel.path("id").asText(id).equals(id)
        || !submodel.path("submodelElements").isArray()) {
      throw StoreException.refused(
          "The body is not this submodel with its submodelElements", "Nothing was changed.");
    }
    JsonNode elements = submodel.get("submodelElements");
    store.submodels().merge(id, elements, takeFiles(elements, new HashMap<>()));
    return ResponseEntity.noContent().build();
  }

  /** The same for one element (PatchSubmodelElementByPath). */
  @PatchMapping("/submodels/{submodelIdentifier}/submodel-elements/{idShortPath}")
  ResponseEntity<Void> patchElement(
      @PathVariable Base64UrlEncodedIdentifier submodelIdentifier,
      @PathVariable String idShortPath,
      @RequestBody JsonNode element) {
    store
        .submodels()
        .merge(
            submodelIdentifier.getIdentifier(),
            idShortPath,
            element,
            takeFiles(element, new HashMap<>()));
    return ResponseEntity.noContent().build();
  }

  /** Attachments in the place of data URLs; each with its value in `files`. */
  private static Map<String, byte[]> takeFiles(JsonNode json, Map<String, byte[]> files) {
    boolean isFile = json.path("modelType").asText().equals("File");
    Matcher url = isFile ? DATA_URL.matcher(json.path("value").asText()) : null;
    if (isFile && url.lookingAt()) {
      String ending = url.group(1).replaceFirst("(.*[+.-])?", ".");
      String value = Attachments.newValue(json.path("idShort").asText() + ending);
      try {
        String content = json.get("value").textValue().substring(url.end());
        files.put(value, Base64.getDecoder().decode(content));
      } catch (IllegalArgumentException e) {
        throw StoreException.refused("The data URL of a File is no base64", "Nothing was changed.");
      }
      ((ObjectNode) json).put("value", value);
    }
    json.forEach(inner -> takeFiles(inner, files));
    return files;
  }
}
