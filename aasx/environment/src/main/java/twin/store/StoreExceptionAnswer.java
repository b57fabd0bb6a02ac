package twin.store;

import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.http.HttpStatus;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.ControllerAdvice;
import org.springframework.web.bind.annotation.ExceptionHandler;

/**
 * Tells the caller of a change that did not reach the disk so: 507 with the reason, as a Result of
 * the AAS API.
 */
@ControllerAdvice
@Order(Ordered.HIGHEST_PRECEDENCE)
class StoreExceptionAnswer {

  private static final Logger LOG = LoggerFactory.getLogger(StoreExceptionAnswer.class);

  @ExceptionHandler(StoreException.class)
  ResponseEntity<Map<String, Object>> answer(StoreException e) {
    LOG.error("{}. {}", e.getMessage(), e.remedy());
    Map<String, String> message =
        Map.of("messageType", "Error", "code", "507", "text", e.getMessage() + ". " + e.remedy());
    return ResponseEntity.status(HttpStatus.INSUFFICIENT_STORAGE)
        .body(Map.of("messages", List.of(message)));
  }
}
