package twin.http;

import jakarta.servlet.ReadListener;
import jakarta.servlet.ServletInputStream;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletRequestWrapper;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A request whose body has come in whole: a short one in memory, a longer one in a file. Whoever
 * sends slowly, or not to the end, takes no memory from others meanwhile.
 */
final class ReceivedBody extends HttpServletRequestWrapper implements AutoCloseable {

  private static final int IN_MEMORY = 64 << 10;

  private final byte[] start;
  private final Path file;
  private final long length;

  /** Reads the body, but no more than one byte above the limit. */
  ReceivedBody(HttpServletRequest request, long limit) throws IOException {
    super(request);
    InputStream in = request.getInputStream();
    this.start = in.readNBytes(IN_MEMORY);
    if (start.length < IN_MEMORY) {
      this.file = null;
      this.length = start.length;
      return;
    }
    this.file = Files.createTempFile("body", null);
    long size = start.length;
    try (OutputStream out = Files.newOutputStream(file)) {
      out.write(start);
      byte[] buffer = new byte[IN_MEMORY];
      for (int found = 0; found >= 0 && size <= limit; found = in.read(buffer)) {
        out.write(buffer, 0, found);
        size += found;
      }
    } catch (IOException e) {
      close();
      throw e;
    }
    this.length = size;
  }

  long length() {
    return length;
  }

  @Override
  public ServletInputStream getInputStream() throws IOException {
    InputStream in = file == null ? new ByteArrayInputStream(start) : Files.newInputStream(file);
    return new ServletInputStream() {
      private boolean finished;

      @Override
      public int read() throws IOException {
        int found = in.read();
        finished |= found < 0;
        return found;
      }

      @Override
      public int read(byte[] buffer, int offset, int count) throws IOException {
        int found = in.read(buffer, offset, count);
        finished |= found < 0;
        return found;
      }

      @Override
      public void close() throws IOException {
        in.close();
      }

      @Override
      public boolean isFinished() {
        return finished;
      }

      @Override
      public boolean isReady() {
        return true;
      }

      @Override
      public void setReadListener(ReadListener listener) {
        throw new IllegalStateException("the body is read at once");
      }
    };
  }

  @Override
  public void close() throws IOException {
    if (file != null) {
      Files.deleteIfExists(file);
    }
  }
}
