package twin.store;

import jakarta.servlet.http.HttpServletRequest;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.springframework.http.ETag;
import org.springframework.http.HttpStatus;
import org.springframework.web.context.request.RequestContextHolder;
import org.springframework.web.context.request.ServletRequestAttributes;
import org.springframework.web.util.UriUtils;

/**
 * Conditional requests (RFC 9110, section 13): the ETag of what the request under way read or
 * wrote, and the If-Match it must fulfil to write; Spring compares If-None-Match. The header If
 * (RFC 4918, section 10.4) asks for the ETag of something else. The ETag of an element covers the
 * element with everything in it and nothing else; that of a submodel, shell or concept description
 * all of it.
 */
final class Conditions {

  private static final Pattern IF =
      Pattern.compile(
          "\\s*<[^>]*/submodels/([\\w-]+)(?:/submodel-elements/([^/>]+))?>"
              + "\\s*\\(\\s*\\[(\"[^\"]*\")]\\s*\\)\\s*");

  /**
   * A submodel or an element of it that the request's URL does not name.
   *
   * @param path of the element, or {@code null}
   * @param tag that it must have for the request to be carried out
   */
  record Elsewhere(String id, String path, String tag) {

    /**
     * @param present its tag now, or {@code null} if it is not there
     * @throws StoreException 412 if that is another one
     */
    void require(String present) {
      if (!tag.equals(present)) {
        throw changed("If " + tag + (path == null ? "" : " of " + path), present);
      }
    }
  }

  private Conditions() {}

  /** The tag of something whose row has a version of its own. */
  static String tag(long version) {
    return "\"" + version + "\"";
  }

  /** The tag of an element that shares a row with others: made of its content. */
  static String tag(String json) {
    return "\"" + Names.hash(json, 12) + "\"";
  }

  private static Optional<ServletRequestAttributes> request() {
    return RequestContextHolder.getRequestAttributes() instanceof ServletRequestAttributes servlet
            && !isInvocation()
        ? Optional.of(servlet)
        : Optional.empty();
  }

  /** Gives the caller the tag of what the request's URL names. */
  static void tell(String tag) {
    request().ifPresent(request -> request.getResponse().setHeader("ETag", tag));
  }

  /** Whether the request under way invokes an operation. */
  static boolean isInvocation() {
    return RequestContextHolder.getRequestAttributes() instanceof ServletRequestAttributes servlet
        && servlet.getRequest().getRequestURI().endsWith("/invoke");
  }

  /**
   * @param present gives the tag that what the caller's URL names has now
   * @throws StoreException 412 if the caller wants to change another version only
   */
  static void require(Supplier<String> present) {
    HttpServletRequest request = request().map(ServletRequestAttributes::getRequest).orElse(null);
    String wanted = request == null ? null : request.getHeader("If-Match");
    if (wanted == null) {
      return;
    }
    String tag = present.get();
    if (ETag.parse(wanted).stream()
        .noneMatch(one -> one.isWildcard() || one.formattedTag().equals(tag))) {
      tell(tag);
      throw changed("If-Match " + wanted, tag);
    }
  }

  private static StoreException changed(String wanted, String present) {
    return new StoreException(
        HttpStatus.PRECONDITION_FAILED,
        "This was changed since it was read (" + wanted + ", now " + present + ")",
        "Nothing was written. Read it again and decide anew.",
        null);
  }

  /**
   * What else the request depends on.
   *
   * @throws StoreException 400 for a condition of another form
   */
  static Optional<Elsewhere> elsewhere() {
    String condition = request().map(one -> one.getRequest().getHeader("If")).orElse(null);
    if (condition == null) {
      return Optional.empty();
    }
    Matcher known = IF.matcher(condition);
    try {
      if (known.matches()) {
        String id =
            new String(Base64.getUrlDecoder().decode(known.group(1)), StandardCharsets.UTF_8);
        String path = known.group(2);
        return Optional.of(
            new Elsewhere(
                id,
                path == null ? null : UriUtils.decode(path, StandardCharsets.UTF_8),
                known.group(3)));
      }
    } catch (IllegalArgumentException e) {
      // The same answer as for a URL of another form.
    }
    throw StoreException.refused(
        "The header If names no submodel or element with its ETag",
        "Nothing was done. Send it as <URL> ([ETag]), with one URL.");
  }
}
