package twin.http;

import com.fasterxml.jackson.databind.ObjectMapper;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletRequestWrapper;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.Collections;
import java.util.Enumeration;
import java.util.List;
import org.eclipse.digitaltwin.aas4j.v3.dataformat.aasx.MetamodelContentType;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.InvalidMediaTypeException;
import org.springframework.http.MediaType;
import org.springframework.stereotype.Component;
import org.springframework.util.MimeTypeUtils;
import org.springframework.web.filter.OncePerRequestFilter;
import org.springframework.web.util.ContentCachingResponseWrapper;

/**
 * Gives /serialization in each form that its caller takes: JSON, XML, or a package with one of them
 * inside. BaSyx knows three of these, each only where it is asked for by that name alone, and makes
 * packages with XML only.
 */
@Component
class Serializations extends OncePerRequestFilter {

  private static final MediaType XML_PACKAGE =
      MediaType.parseMediaType("application/asset-administration-shell-package+xml");
  private static final MediaType ANY_PACKAGE =
      MediaType.parseMediaType("application/asset-administration-shell-package");
  private static final MediaType JSON_PACKAGE =
      MediaType.parseMediaType("application/asset-administration-shell-package+json");

  /** The first that is taken is given. */
  private static final List<MediaType> OFFERED =
      List.of(
          MediaType.APPLICATION_JSON,
          MediaType.APPLICATION_XML,
          XML_PACKAGE,
          ANY_PACKAGE,
          JSON_PACKAGE);

  private final ObjectMapper mapper;

  Serializations(ObjectMapper mapper) {
    this.mapper = mapper;
  }

  @Override
  protected boolean shouldNotFilter(HttpServletRequest request) {
    return !"/serialization".equals(request.getServletPath());
  }

  @Override
  protected void doFilterInternal(
      HttpServletRequest request, HttpServletResponse response, FilterChain chain)
      throws ServletException, IOException {
    MediaType form = wanted(request);
    if (form == null) {
      response.setStatus(HttpStatus.NOT_ACCEPTABLE.value());
      response.setContentType(MediaType.APPLICATION_JSON_VALUE);
      mapper.writeValue(
          response.getOutputStream(), Result.error("406", "offered are (Accept): " + OFFERED));
    } else if (form.equals(JSON_PACKAGE)) {
      ContentCachingResponseWrapper made = new ContentCachingResponseWrapper(response);
      request.setAttribute(Packing.FORM, MetamodelContentType.JSON);
      chain.doFilter(new Asked(request, XML_PACKAGE), made);
      if (made.getStatus() == HttpStatus.OK.value()) {
        made.setContentType(JSON_PACKAGE.toString());
      }
      made.copyBodyToResponse();
    } else {
      chain.doFilter(new Asked(request, form.equals(ANY_PACKAGE) ? XML_PACKAGE : form), response);
    }
  }

  /** Null where nothing that is offered is taken. */
  private static MediaType wanted(HttpServletRequest request) {
    List<String> headers = Collections.list(request.getHeaders(HttpHeaders.ACCEPT));
    if (headers.isEmpty()) {
      return OFFERED.get(0);
    }
    try {
      List<MediaType> taken = MediaType.parseMediaTypes(headers);
      MimeTypeUtils.sortBySpecificity(taken);
      taken.sort((one, other) -> Double.compare(other.getQualityValue(), one.getQualityValue()));
      for (MediaType type : taken) {
        for (MediaType offered : OFFERED) {
          if (type.getQualityValue() > 0 && type.includes(offered)) {
            return offered;
          }
        }
      }
    } catch (InvalidMediaTypeException e) {
      return null;
    }
    return null;
  }

  /** The request as BaSyx understands it. */
  private static final class Asked extends HttpServletRequestWrapper {
    private final String accept;

    Asked(HttpServletRequest request, MediaType accept) {
      super(request);
      this.accept = accept.toString();
    }

    @Override
    public String getHeader(String name) {
      return HttpHeaders.ACCEPT.equalsIgnoreCase(name) ? accept : super.getHeader(name);
    }

    @Override
    public Enumeration<String> getHeaders(String name) {
      return HttpHeaders.ACCEPT.equalsIgnoreCase(name)
          ? Collections.enumeration(List.of(accept))
          : super.getHeaders(name);
    }
  }
}
