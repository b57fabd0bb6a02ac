package twin.http;

import jakarta.servlet.FilterChain;
import jakarta.servlet.ReadListener;
import jakarta.servlet.ServletException;
import jakarta.servlet.ServletInputStream;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletRequestWrapper;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.stereotype.Component;
import org.springframework.util.unit.DataSize;
import org.springframework.web.filter.OncePerRequestFilter;

/**
 * Bounds the memory that request bodies take: each one's size, and that of all which are read at
 * the same time (as Java objects a JSON text takes some ten times its size). Files do not count:
 * they go to the disk.
 */
@Component
@Order(Ordered.HIGHEST_PRECEDENCE)
class BodyLimit extends OncePerRequestFilter {

  private static final int HEAP_PER_BODY = 24;
  private static final int WAIT_SECONDS = 30;

  private final long limit;
  private final Semaphore kilobytes;

  BodyLimit(@Value("${twin.http.max-body-size}") DataSize limit) {
    this.limit = limit.toBytes();
    long together = Math.max(this.limit, Runtime.getRuntime().maxMemory() / HEAP_PER_BODY);
    this.kilobytes = new Semaphore((int) (together >> 10) + 1, true);
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
      refuse(
          response,
          HttpServletResponse.SC_REQUEST_ENTITY_TOO_LARGE,
          tooLong()
              + ". Send it in parts (elements one by one), or raise twin.http.max-body-size.");
      return;
    }
    // An invocation lasts, and what it calls writes here meanwhile: it must not be waited for.
    boolean lasts = request.getRequestURI().endsWith("/invoke");
    int needed = lasts ? 0 : (int) ((length < 0 ? limit : length) >> 10) + 1;
    boolean free = false;
    try {
      free = kilobytes.tryAcquire(needed, WAIT_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    if (!free) {
      response.setHeader("Retry-After", "5");
      refuse(
          response,
          HttpServletResponse.SC_SERVICE_UNAVAILABLE,
          "Too many large requests at the same time. Send it again later.");
      return;
    }
    try {
      chain.doFilter(length < 0 ? new Counted(request) : request, response);
    } finally {
      kilobytes.release(needed);
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

  /** A body of unknown length, cut off where it gets too long. */
  private final class Counted extends HttpServletRequestWrapper {

    Counted(HttpServletRequest request) {
      super(request);
    }

    @Override
    public ServletInputStream getInputStream() throws IOException {
      ServletInputStream in = super.getInputStream();
      return new ServletInputStream() {
        private long read;

        @Override
        public int read() throws IOException {
          return counted(in.read(), 1);
        }

        @Override
        public int read(byte[] buffer, int start, int length) throws IOException {
          int found = in.read(buffer, start, length);
          return counted(found, found);
        }

        private int counted(int result, int bytes) throws IOException {
          read += Math.max(0, bytes);
          if (read > limit) {
            throw new IOException(tooLong());
          }
          return result;
        }

        @Override
        public boolean isFinished() {
          return in.isFinished();
        }

        @Override
        public boolean isReady() {
          return in.isReady();
        }

        @Override
        public void setReadListener(ReadListener listener) {
          in.setReadListener(listener);
        }
      };
    }
  }
}
