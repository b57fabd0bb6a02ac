package twin.http;

import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import org.apache.catalina.connector.ClientAbortException;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.stereotype.Component;
import org.springframework.util.unit.DataSize;
import org.springframework.web.filter.OncePerRequestFilter;

/**
 * Bounds the memory that request bodies take: each one's size, and that of all which are read at
 * the same time. Files do not count: they go to the disk (what is uploaded to be read: Documents).
 */
@Component
@Order(Ordered.HIGHEST_PRECEDENCE)
class BodyLimit extends OncePerRequestFilter {

  private static final String REMEDY =
      ". Send it in parts (elements one by one), or raise twin.http.max-body-size.";

  private final long limit;
  private final Heap heap;

  BodyLimit(@Value("${twin.http.max-body-size}") DataSize limit, Heap heap) {
    this.limit = limit.toBytes();
    this.heap = heap;
  }

  @Override
  protected void doFilterInternal(
      HttpServletRequest request, HttpServletResponse response, FilterChain chain)
      throws ServletException, IOException {
    String type = request.getContentType();
    long length = request.getContentLengthLong();
    boolean hasBody = length > 0 || request.getHeader("Transfer-Encoding") != null;
    if (!hasBody || type != null && type.startsWith("multipart/")) {
      chain.doFilter(request, response);
      return;
    }
    if (length > limit) {
      refuse(response, HttpServletResponse.SC_REQUEST_ENTITY_TOO_LARGE, tooLong() + REMEDY);
      return;
    }
    try (ReceivedBody received = received(request)) {
      if (received == null) {
        refuse(response, HttpServletResponse.SC_REQUEST_TIMEOUT, "The body did not come whole.");
        return;
      }
      if (received.length() > limit) {
        refuse(response, HttpServletResponse.SC_REQUEST_ENTITY_TOO_LARGE, tooLong() + REMEDY);
        return;
      }
      // An invocation lasts, and what it calls writes here meanwhile: it must not be waited for.
      long needed = request.getRequestURI().endsWith("/invoke") ? 0 : received.length();
      if (!heap.enter(needed)) {
        response.setHeader("Retry-After", "5");
        refuse(
            response,
            HttpServletResponse.SC_SERVICE_UNAVAILABLE,
            "Too many large requests at the same time. Send it again later.");
        return;
      }
      try {
        chain.doFilter(received, response);
      } finally {
        heap.leave(needed);
      }
    }
  }

  /** Null where the sender does not go on, or goes away. */
  private ReceivedBody received(HttpServletRequest request) throws IOException {
    try {
      return new ReceivedBody(request, limit);
    } catch (SocketTimeoutException | ClientAbortException e) {
      return null;
    }
  }

  private String tooLong() {
    return "The body is longer than " + (limit >> 20) + " MB";
  }

  /** As a Result of the AAS API. */
  private static void refuse(HttpServletResponse response, int status, String text)
      throws IOException {
    response.setStatus(status);
    response.setContentType("application/json");
    response.setHeader("Connection", "close");
    String json =
        "{\"messages\":[{\"messageType\":\"Error\",\"code\":\"%d\",\"text\":\"%s\"}]}"
            .formatted(status, text);
    response.getOutputStream().write(json.getBytes(StandardCharsets.UTF_8));
  }
}
