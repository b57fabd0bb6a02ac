package twin.store;

import jakarta.servlet.http.HttpServletRequest;
import java.util.Arrays;
import java.util.Optional;
import org.springframework.http.HttpStatus;
import org.springframework.web.context.request.RequestAttributes;
import org.springframework.web.context.request.RequestContextHolder;
import org.springframework.web.context.request.ServletRequestAttributes;

/**
 * Conditional requests (RFC 9110, section 13): the ETag of what the request under way read or
 * wrote, and the If-Match it must fulfil to write. The ETag of an element covers the element with
 * everything in it and nothing else; that of a submodel, shell or concept description all of it.
 */
final class Conditions {

  private Conditions() {}

  /** The tag of something whose row has a version of its own. */
  static String tag(long version) {
    return "\"" + version + "\"";
  }

  /** The tag of a small element: made of its content. */
  static String tag(String json) {
    return "\"" + Names.hash(json, 12) + "\"";
  }

  private static Optional<ServletRequestAttributes> request() {
    RequestAttributes attributes = RequestContextHolder.getRequestAttributes();
    return attributes instanceof ServletRequestAttributes servlet
            && !servlet.getRequest().getRequestURI().endsWith("/invoke")
        ? Optional.of(servlet)
        : Optional.empty();
  }

  /** Gives the caller the tag of what the request's URL names. */
  static void tell(String tag) {
    request().ifPresent(request -> request.getResponse().setHeader("ETag", tag));
  }

  /** Whether a write under way depends on a tag. */
  static boolean any() {
    return request().map(request -> request.getRequest().getHeader("If-Match")).isPresent();
  }

  /**
   * @param tag what the caller's URL names has now
   * @throws StoreException 412 if the caller wants to change another version only
   */
  static void require(String tag) {
    HttpServletRequest request = request().map(ServletRequestAttributes::getRequest).orElse(null);
    String wanted = request == null ? null : request.getHeader("If-Match");
    if (wanted == null
        || Arrays.stream(wanted.split(","))
            .map(String::strip)
            .anyMatch(one -> one.equals("*") || one.equals(tag))) {
      return;
    }
    tell(tag);
    throw new StoreException(
        HttpStatus.PRECONDITION_FAILED,
        "This was changed since it was read (If-Match " + wanted + ", now " + tag + ")",
        "Nothing was written. Read it again and decide anew.",
        null);
  }
}
