package twin.store;

import jakarta.servlet.http.HttpServletRequest;
import java.util.Arrays;
import java.util.Optional;
import java.util.function.Supplier;
import org.springframework.http.HttpStatus;
import org.springframework.web.context.request.RequestContextHolder;
import org.springframework.web.context.request.ServletRequestAttributes;

/**
 * Conditional requests (RFC 9110, section 13): the ETag of what the request under way read or
 * wrote, the If-Match it must fulfil to write, and the If-None-Match with which it reads only what
 * it does not know yet. The ETag of an element covers the element with everything in it and nothing
 * else; that of a submodel, shell or concept description all of it.
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

  /** Ends a read whose caller knows what it would be answered. */
  static final class Unchanged extends RuntimeException {
    private Unchanged() {
      super(null, null, false, false);
    }
  }

  /**
   * Gives the caller the tag of what the request's URL names.
   *
   * @throws Unchanged if it is read and the caller knows it already
   */
  static void tell(String tag) {
    request()
        .ifPresent(
            request -> {
              request.getResponse().setHeader("ETag", tag);
              String known = request.getRequest().getHeader("If-None-Match");
              if (known != null
                  && request.getRequest().getMethod().equals("GET")
                  && isAmong(tag, known)) {
                throw new Unchanged();
              }
            });
  }

  private static boolean isAmong(String tag, String tags) {
    return Arrays.stream(tags.split(","))
        .map(String::strip)
        .anyMatch(one -> one.equals("*") || one.equals(tag));
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
    if (isAmong(tag, wanted)) {
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
