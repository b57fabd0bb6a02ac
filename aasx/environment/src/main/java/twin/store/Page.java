package twin.store;

import jakarta.servlet.http.HttpServletResponse;
import java.util.Optional;
import org.eclipse.digitaltwin.basyx.http.pagination.Base64UrlEncodedCursor;
import org.springframework.web.context.request.RequestContextHolder;
import org.springframework.web.context.request.ServletRequestAttributes;

/**
 * A part of a large collection's values, which the request under way asks for with {@code limit}
 * and {@code cursor}, as for a listing. The next one is told in the header Link (RFC 8288).
 */
record Page(HttpServletResponse response, int limit, String after) {

  static Optional<Page> asked() {
    if (!(RequestContextHolder.getRequestAttributes() instanceof ServletRequestAttributes asked)
        || asked.getRequest().getParameter("limit") == null) {
      return Optional.empty();
    }
    try {
      int limit = Integer.parseInt(asked.getRequest().getParameter("limit"));
      int rows = Math.min(Math.max(1, limit), IdentifiableStore.LARGEST_PAGE);
      String cursor = asked.getRequest().getParameter("cursor");
      String after = cursor == null ? "" : new Base64UrlEncodedCursor(cursor).getDecodedCursor();
      return Optional.of(new Page(asked.getResponse(), rows, after));
    } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
      throw StoreException.refused(
          "limit and cursor do not name a page", "Take the address from the header Link.");
    }
  }

  void tellNext(String last) {
    String link = "<?limit=%d&cursor=%s>; rel=\"next\"";
    response.setHeader("Link", link.formatted(limit, Base64UrlEncodedCursor.encodeCursor(last)));
  }
}
