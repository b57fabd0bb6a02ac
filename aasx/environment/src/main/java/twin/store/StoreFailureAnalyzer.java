package twin.store;

import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;

/**
 * Makes a start that fails for the store end with what is wrong and what to do, instead of a stack
 * trace.
 */
class StoreFailureAnalyzer extends AbstractFailureAnalyzer<StoreException> {

  @Override
  protected FailureAnalysis analyze(Throwable rootFailure, StoreException cause) {
    return new FailureAnalysis(cause.getMessage(), cause.remedy(), cause);
  }
}
