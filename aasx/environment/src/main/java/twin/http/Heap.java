package twin.http;

import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.stereotype.Component;
import org.springframework.util.unit.DataSize;

/**
 * The memory that documents under way take together: as Java objects a text takes some ten times
 * its size, at worst HEAP_PER_BYTE times. Who finds no room waits for it.
 */
@Component
class Heap {

  private static final int HEAP_PER_BYTE = 24;
  private static final int WAIT_SECONDS = 30;

  private final long bytes;
  private final Semaphore kilobytes;

  Heap(@Value("${twin.http.max-body-size}") DataSize body) {
    this.bytes = Math.max(body.toBytes(), Runtime.getRuntime().maxMemory() / HEAP_PER_BYTE);
    this.kilobytes = new Semaphore(kilobytes(bytes), true);
  }

  /** The largest document for which there is ever room. */
  long bytes() {
    return bytes;
  }

  /** False where there was no room for a document of this size within half a minute. */
  boolean enter(long bytes) {
    try {
      return kilobytes.tryAcquire(kilobytes(bytes), WAIT_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  void leave(long bytes) {
    kilobytes.release(kilobytes(bytes));
  }

  private static int kilobytes(long bytes) {
    return bytes == 0 ? 0 : (int) (bytes >> 10) + 1;
  }
}
