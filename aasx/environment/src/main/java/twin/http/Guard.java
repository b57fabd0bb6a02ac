package twin.http;

import com.fasterxml.jackson.databind.ObjectMapper;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.net.URI;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.stereotype.Component;
import org.springframework.web.cors.CorsConfiguration;
import org.springframework.web.filter.OncePerRequestFilter;

/**
 * Keeps web pages of others out, in the operator's own browser too.
 *
 * <p>A request is refused (403) whose Host is a name this server is not known by (DNS rebinding),
 * whose Origin is another one or null, or which the browser says to come from another site
 * (Sec-Fetch-Site; following a link to a page is allowed). IP addresses and localhost are always
 * known; `twin.http.names` and `twin.public-url` add names, `basyx.cors.allowed-origins` pages. A
 * request with none of these headers, as of scripts and AAS clients, passes.
 */
@Component
@Order(Ordered.HIGHEST_PRECEDENCE)
class Guard extends OncePerRequestFilter {

  private static final Pattern IP_ADDRESS =
      Pattern.compile("\\d{1,3}(\\.\\d{1,3}){3}|\\[[0-9a-f:.]+]");

  private final ObjectMapper mapper;
  private final List<String> names;
  private final CorsConfiguration pages = new CorsConfiguration();

  Guard(
      ObjectMapper mapper,
      @Value("${twin.http.names}") List<String> names,
      @Value("${twin.public-url}") String publicUrl,
      @Value("${server.address:}") String address,
      @Value("${basyx.cors.allowed-origins:}") List<String> origins) {
    this.mapper = mapper;
    String publicName = publicUrl.isBlank() ? "" : URI.create(publicUrl.strip()).getHost();
    this.names =
        Stream.concat(names.stream(), Stream.of(address, publicName, "localhost"))
            .filter(Objects::nonNull)
            .map(name -> name.strip().toLowerCase(Locale.ROOT))
            .filter(name -> !name.isEmpty())
            .toList();
    this.pages.setAllowedOriginPatterns(origins.stream().map(String::strip).toList());
  }

  @Override
  protected void doFilterInternal(
      HttpServletRequest request, HttpServletResponse response, FilterChain chain)
      throws ServletException, IOException {
    String refusal = refusal(request);
    if (refusal != null) {
      response.setStatus(HttpServletResponse.SC_FORBIDDEN);
      response.setContentType("application/json");
      mapper.writeValue(response.getOutputStream(), Result.error("403", refusal));
      return;
    }
    response.setHeader("X-Content-Type-Options", "nosniff");
    response.setHeader("Referrer-Policy", "no-referrer");
    if (isForeignContent(request.getRequestURI())) {
      response.setHeader("Content-Security-Policy", "default-src 'none'; sandbox");
    }
    chain.doFilter(request, response);
  }

  private String refusal(HttpServletRequest request) {
    String host = request.getHeader("Host");
    if (host != null && !isKnown(name(host))) {
      return "this server is not known as " + name(host) + "; add the name to TWIN_HTTP_NAMES";
    }
    String origin = request.getHeader("Origin");
    boolean named = origin != null && pages.checkOrigin(origin) != null;
    if (origin != null && !named && !isSame(origin, host)) {
      return "pages of " + origin + " may not call this server (basyx.cors.allowed-origins)";
    }
    boolean crossSite = "cross-site".equalsIgnoreCase(request.getHeader("Sec-Fetch-Site"));
    if (crossSite && !named && !isFollowedLink(request)) {
      return "pages of other sites may not call this server";
    }
    return null;
  }

  private boolean isKnown(String name) {
    return IP_ADDRESS.matcher(name).matches() || names.contains(name);
  }

  /** Host without port, in lower case. */
  private static String name(String host) {
    return host.strip().toLowerCase(Locale.ROOT).replaceFirst(":\\d*$", "");
  }

  private static boolean isSame(String origin, String host) {
    try {
      return host != null && host.equalsIgnoreCase(URI.create(origin).getAuthority());
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  private static boolean isFollowedLink(HttpServletRequest request) {
    return "GET".equals(request.getMethod())
        && "navigate".equalsIgnoreCase(request.getHeader("Sec-Fetch-Mode"))
        && "document".equalsIgnoreCase(request.getHeader("Sec-Fetch-Dest"));
  }

  /** Files that anybody may have put in: a browser must not run what they hold. */
  private static boolean isForeignContent(String path) {
    return path.endsWith("/attachment") || path.endsWith("/thumbnail");
  }
}
