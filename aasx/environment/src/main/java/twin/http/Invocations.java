package twin.http;

import java.util.List;
import java.util.Map;
import org.eclipse.digitaltwin.aas4j.v3.model.ExecutionState;
import org.eclipse.digitaltwin.aas4j.v3.model.Message;
import org.eclipse.digitaltwin.aas4j.v3.model.MessageTypeEnum;
import org.eclipse.digitaltwin.aas4j.v3.model.OperationResult;
import org.eclipse.digitaltwin.aas4j.v3.model.OperationVariable;
import org.eclipse.digitaltwin.aas4j.v3.model.Property;
import org.eclipse.digitaltwin.aas4j.v3.model.impl.DefaultMessage;
import org.eclipse.digitaltwin.basyx.core.exceptions.OperationDelegationException;
import org.springframework.core.MethodParameter;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.http.converter.HttpMessageConverter;
import org.springframework.http.server.ServerHttpRequest;
import org.springframework.http.server.ServerHttpResponse;
import org.springframework.stereotype.Controller;
import org.springframework.web.bind.annotation.ControllerAdvice;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.ResponseBody;
import org.springframework.web.servlet.mvc.method.annotation.ResponseBodyAdvice;

/**
 * What the answer to an invocation says of its outcome.
 *
 * <p>The delegate tells a refusal by its outputs Status and Message. Clients that know nothing of
 * these see it by `success` and `executionState`; the outputs stay. A delegate that fails is
 * answered 424 with the reason.
 */
@Controller
@ControllerAdvice
@Order(Ordered.HIGHEST_PRECEDENCE)
class Invocations implements ResponseBodyAdvice<OperationResult> {

  private static final String ELEMENT = "/submodels/{id}/submodel-elements/{path}";

  @Override
  public boolean supports(
      MethodParameter returned, Class<? extends HttpMessageConverter<?>> converter) {
    return returned.getGenericParameterType().getTypeName().contains("OperationResult");
  }

  @Override
  public OperationResult beforeBodyWrite(
      OperationResult result,
      MethodParameter returned,
      MediaType contentType,
      Class<? extends HttpMessageConverter<?>> converter,
      ServerHttpRequest request,
      ServerHttpResponse response) {
    String status = result == null ? null : output(result, "Status");
    if (status == null || status.equals("ok")) {
      return result;
    }
    result.setSuccess(false);
    result.setExecutionState(ExecutionState.FAILED);
    Message message = new DefaultMessage();
    message.setMessageType(MessageTypeEnum.ERROR);
    message.setCode(status);
    message.setText(String.valueOf(output(result, "Message")));
    result.setMessages(List.of(message));
    return result;
  }

  private static String output(OperationResult result, String idShort) {
    for (OperationVariable variable : result.getOutputArguments()) {
      if (variable.getValue() instanceof Property property
          && idShort.equals(property.getIdShort())) {
        return property.getValue();
      }
    }
    return null;
  }

  @ExceptionHandler(OperationDelegationException.class)
  ResponseEntity<Map<String, Object>> delegateFailed(OperationDelegationException e) {
    return Result.answer(HttpStatus.FAILED_DEPENDENCY, e.getMessage());
  }

  @PostMapping(
      value = {
        ELEMENT + "/invoke-async",
        ELEMENT + "/invoke-async/$value",
        ELEMENT + "/invoke/$value"
      })
  @ResponseBody
  ResponseEntity<Map<String, Object>> notOffered() {
    return Result.answer(
        HttpStatus.NOT_IMPLEMENTED,
        "only synchronous invocation with operation variables is offered: POST .../invoke");
  }

  @PostMapping(value = ELEMENT + "/invoke", params = "async=true")
  @ResponseBody
  ResponseEntity<Map<String, Object>> notAsynchronously() {
    return notOffered();
  }
}
