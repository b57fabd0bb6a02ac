package twin.http;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.eclipse.digitaltwin.aas4j.v3.model.OperationVariable;
import org.eclipse.digitaltwin.aas4j.v3.model.Qualifier;
import org.eclipse.digitaltwin.basyx.core.exceptions.OperationDelegationException;
import org.eclipse.digitaltwin.basyx.submodelrepository.feature.operation.delegation.OperationDelegation;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.stereotype.Component;

/**
 * Hands an invoked operation over to the twin's delegate, and to nobody else: the address stands in
 * a submodel, which anybody may have written.
 *
 * <p>Only addresses below one of `twin.delegate.urls` are called; `*` allows any. Another address
 * that ends as the twin's own do, /delegation/CELL/OPERATION, as in a package from another twin, is
 * taken to the first delegate. No redirect is followed, no proxy asked, and the answer is bounded
 * in size and time.
 */
@Component
class Delegation implements OperationDelegation {

  /** Tells the delegate that the call comes from this environment. */
  static final String SECRET_HEADER = "X-Twin-Delegation";

  static final String NO_VARIABLES = "answered something else than operation variables";

  private static final Logger LOG = LoggerFactory.getLogger(Delegation.class);
  private static final Pattern OWN_END = Pattern.compile("/delegation/[^/?#]+/[^/?#]+$");
  private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(5);

  private final ObjectMapper mapper;
  private final List<String> allowed;
  private final String secret;
  private final Duration timeout;
  private final int largestAnswerBytes;
  private final HttpClient client =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .followRedirects(HttpClient.Redirect.NEVER)
          .proxy(HttpClient.Builder.NO_PROXY)
          .connectTimeout(CONNECT_TIMEOUT)
          .build();

  Delegation(
      ObjectMapper mapper,
      @Value("${twin.delegate.urls}") List<String> urls,
      @Value("${twin.delegation.secret}") String secret,
      @Value("${twin.delegation.secret-file}") String secretFile,
      @Value("${twin.delegation.timeout}") Duration timeout,
      @Value("${twin.delegation.largest-answer-bytes}") int largestAnswerBytes)
      throws IOException {
    this.mapper = mapper;
    this.allowed = urls.stream().map(url -> url.strip().replaceAll("/+$", "")).toList();
    boolean inFile = secret.isBlank() && !secretFile.isBlank();
    this.secret = (inFile ? Files.readString(Path.of(secretFile)) : secret).strip();
    this.timeout = timeout;
    this.largestAnswerBytes = largestAnswerBytes;
  }

  @Override
  public OperationVariable[] delegate(Qualifier qualifier, OperationVariable[] input) {
    URI target = target(qualifier.getValue());
    byte[] answer = call(target, input);
    try {
      return AnsweredVariable.in(answer, mapper).toArray(OperationVariable[]::new);
    } catch (IOException e) {
      throw failed(target, NO_VARIABLES);
    }
  }

  private URI target(String value) {
    URI uri;
    try {
      uri = URI.create(value == null ? "" : value.strip()).normalize();
    } catch (IllegalArgumentException e) {
      throw new OperationDelegationException("the qualifier invocationDelegation holds no address");
    }
    if (uri.getHost() == null || uri.getUserInfo() != null || !isHttp(uri)) {
      throw new OperationDelegationException("the qualifier invocationDelegation holds no address");
    }
    if (allowed.contains("*") || allowed.stream().anyMatch(base -> isBelow(uri, base))) {
      return uri;
    }
    Matcher ownEnd = OWN_END.matcher(uri.getRawPath());
    if (ownEnd.find() && !allowed.isEmpty()) {
      LOG.info("an operation names the delegate of another twin; this twin's own is called");
      return URI.create(allowed.get(0) + ownEnd.group());
    }
    throw new OperationDelegationException(
        "operations are handed over to this twin's delegate only (TWIN_DELEGATE_URLS), not to "
            + uri.getScheme()
            + "://"
            + uri.getAuthority());
  }

  private static boolean isHttp(URI uri) {
    return "http".equalsIgnoreCase(uri.getScheme()) || "https".equalsIgnoreCase(uri.getScheme());
  }

  private static boolean isBelow(URI uri, String base) {
    URI allowed = URI.create(base);
    return uri.getScheme().equalsIgnoreCase(allowed.getScheme())
        && uri.getHost().equalsIgnoreCase(allowed.getHost())
        && port(uri) == port(allowed)
        && uri.getRawPath().startsWith(allowed.getRawPath() + "/");
  }

  private static int port(URI uri) {
    return uri.getPort() >= 0
        ? uri.getPort()
        : "https".equalsIgnoreCase(uri.getScheme()) ? 443 : 80;
  }

  private byte[] call(URI target, OperationVariable[] input) {
    CompletableFuture<HttpResponse<byte[]>> call = null;
    try {
      HttpRequest.Builder request =
          HttpRequest.newBuilder(target)
              .header("Content-Type", "application/json")
              .header("Accept", "application/json")
              .timeout(timeout)
              .POST(BodyPublishers.ofByteArray(mapper.writeValueAsBytes(input)));
      if (!secret.isEmpty()) {
        request.header(SECRET_HEADER, secret);
      }
      call = client.sendAsync(request.build(), info -> new BoundedBody(largestAnswerBytes));
      HttpResponse<byte[]> response = call.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
      if (response.statusCode() != 200) {
        throw failed(target, "answered with HTTP status " + response.statusCode());
      }
      return response.body();
    } catch (TimeoutException e) {
      call.cancel(true);
      throw failed(target, "did not answer within " + timeout.toSeconds() + " s");
    } catch (InterruptedException e) {
      call.cancel(true);
      Thread.currentThread().interrupt();
      throw failed(target, "was not waited for: the environment stops");
    } catch (ExecutionException e) {
      throw failed(target, reason(e.getCause()));
    } catch (IOException e) {
      throw failed(target, "could not be sent the inputs");
    }
  }

  private String reason(Throwable cause) {
    if (cause instanceof ConnectException
        || cause instanceof java.net.http.HttpConnectTimeoutException) {
      return "cannot be reached; is the delegate running?";
    }
    if (cause instanceof java.net.http.HttpTimeoutException) {
      return "did not answer within " + timeout.toSeconds() + " s";
    }
    if (cause instanceof BoundedBody.TooLarge) {
      return "answered more than " + largestAnswerBytes + " bytes";
    }
    return "broke the connection";
  }

  private static OperationDelegationException failed(URI target, String what) {
    String text = target.getScheme() + "://" + target.getAuthority() + " " + what;
    LOG.warn("delegation of {}: {}", target.getRawPath(), text);
    return new OperationDelegationException(text);
  }
}
