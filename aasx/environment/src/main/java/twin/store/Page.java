package twin.store;

import jakarta.servlet.http.HttpServletResponse;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Optional;
import org.springframework.web.context.request.RequestContextHolder;
import org.springframework.web.context.request.ServletRequestAttributes;

/**
 * A part of a large collection's values, which the request under way asks for with {@code limit}
 * and {@code cursor}, as for a listing. The next one is told in the header Link (RFC 8288).
 */
record Page(HttpServletResponse response, int limit, String after) {

  static Optional<Page> asked() {
    if (!(RequestContextHolder.getRequestAttributes() instanceof ServletRequestAttributes asked)) {
      return Optional.empty();
    }
    String limit = asked.getRequest().getParameter("limit");
    String cursor = asked.getRequest().getParameter("cursor");
    if (limit == null) {
      return Optional.empty();
    }
    try {
      byte[] after = cursor == null ? new byte[0] : Base64.getUrlDecoder().decode(cursor);
      int rows = Math.min(Math.max(1, Integer.parseInt(limit)), IdentifiableStore.LARGEST_PAGE);
      return Optional.of(
          new Page(asked.getResponse(), rows, new String(after, StandardCharsets.UTF_8)));
    } catch (IllegalArgumentException e) {
      throw StoreException.refused(
          "limit and cursor do not name a page", "Take the address from the header Link.");
    }
  }

  void tellNext(String last) {
    String cursor =
        Base64.getUrlEncoder()
            .withoutPadding()
            .encodeToString(last.getBytes(StandardCharsets.UTF_8));
    response.setHeader("Link", "<?limit=%d&cursor=%s>; rel=\"next\"".formatted(limit, cursor));
  }
}
