package twin.http;

import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletRequestWrapper;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.List;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.security.web.util.matcher.IpAddressMatcher;
import org.springframework.stereotype.Component;
import org.springframework.web.filter.ForwardedHeaderFilter;

/**
 * Believes X-Forwarded-For, -Proto, -Host and -Prefix of the reverse proxies named in
 * `twin.proxies` (addresses or networks), so that Swagger UI and Location headers tell addresses
 * that lead back through them. Whoever else sends these headers is not heard.
 */
@Component
@Order(Ordered.HIGHEST_PRECEDENCE)
class NamedProxies extends ForwardedHeaderFilter {

  private final List<IpAddressMatcher> proxies;

  NamedProxies(@Value("${twin.proxies}") List<String> proxies) {
    this.proxies =
        proxies.stream()
            .map(String::strip)
            .filter(name -> !name.isEmpty())
            .map(IpAddressMatcher::new)
            .toList();
  }

  @Override
  protected boolean shouldNotFilter(HttpServletRequest request) {
    boolean named = proxies.stream().anyMatch(proxy -> proxy.matches(request.getRemoteAddr()));
    // The proxies of this project say nothing by this header: it comes from who asks them.
    return !named || request.getHeader("Forwarded") != null || super.shouldNotFilter(request);
  }

  @Override
  protected void doFilterInternal(
      HttpServletRequest request, HttpServletResponse response, FilterChain chain)
      throws ServletException, IOException {
    super.doFilterInternal(new Escaped(request), response, chain);
  }

  /** Spring's filter takes no URL with the bare brackets of a list index, which proxies pass on. */
  private static final class Escaped extends HttpServletRequestWrapper {

    Escaped(HttpServletRequest request) {
      super(request);
    }

    @Override
    public String getRequestURI() {
      return escaped(super.getRequestURI());
    }

    @Override
    public StringBuffer getRequestURL() {
      return new StringBuffer(escaped(super.getRequestURL().toString()));
    }

    private static String escaped(String url) {
      int authorityEnd = url.startsWith("/") ? 0 : url.indexOf('/', url.indexOf("//") + 2);
      String path = url.substring(authorityEnd);
      return url.substring(0, authorityEnd) + path.replace("[", "%5B").replace("]", "%5D");
    }
  }
}
