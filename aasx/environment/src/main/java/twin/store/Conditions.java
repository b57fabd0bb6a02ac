package twin.store;

import jakarta.servlet.http.HttpServletRequest;
import java.util.Optional;
import java.util.function.Supplier;
import org.springframework.http.ETag;
import org.springframework.http.HttpStatus;
import org.springframework.web.context.request.RequestContextHolder;
import org.springframework.web.context.request.ServletRequestAttributes;

/**
 * Conditional requests (RFC 9110, section 13): the ETag of what the request under way read or
 * wrote, and the If-Match it must fulfil to write; Spring compares If-None-Match. The ETag of an
 * element covers the element with everything in it and nothing else; that of a submodel, shell or
 * concept description all of it.
 */
final class Conditions {

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
      throw new StoreException(
          HttpStatus.PRECONDITION_FAILED,
          "This was changed since it was read (If-Match " + wanted + ", now " + tag + ")",
          "Nothing was written. Read it again and decide anew.",
          null);
    }
  }
}
