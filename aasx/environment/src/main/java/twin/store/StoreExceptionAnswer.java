package twin.store;

import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.ControllerAdvice;
import org.springframework.web.bind.annotation.ExceptionHandler;
import twin.http.Result;

/** Tells the caller why a request was not carried out, as a Result of the AAS API. */
@ControllerAdvice
@Order(Ordered.HIGHEST_PRECEDENCE)
class StoreExceptionAnswer {

  private static final Logger LOG = LoggerFactory.getLogger(StoreExceptionAnswer.class);

  @ExceptionHandler(StoreException.class)
  ResponseEntity<Map<String, Object>> answer(StoreException e) {
    if (e.status().is5xxServerError()) {
      LOG.error("{}. {}", e.getMessage(), e.remedy());
    }
    return Result.answer(e.status(), e.getMessage() + ". " + e.remedy());
  }
}
