package twin.http;

import java.util.List;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.web.servlet.FilterRegistrationBean;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.Ordered;
import org.springframework.web.cors.CorsConfiguration;
import org.springframework.web.cors.UrlBasedCorsConfigurationSource;
import org.springframework.web.filter.CorsFilter;

/**
 * Lets named pages read every answer. BaSyx sets the headers where a controller answers; a page
 * would not see the status of anything else (404, 406).
 */
@Configuration
class CrossOrigin {

  @Bean
  FilterRegistrationBean<CorsFilter> corsForEveryAnswer(
      @Value("${basyx.cors.allowed-origins:}") List<String> origins,
      @Value("${basyx.cors.allowed-methods:}") List<String> methods) {
    CorsConfiguration pages = new CorsConfiguration();
    pages.setAllowedOriginPatterns(origins.stream().map(String::strip).toList());
    pages.setAllowedMethods(methods.stream().map(String::strip).toList());
    pages.addAllowedHeader(CorsConfiguration.ALL);
    pages.addExposedHeader("ETag");
    UrlBasedCorsConfigurationSource everywhere = new UrlBasedCorsConfigurationSource();
    everywhere.registerCorsConfiguration("/**", pages);
    FilterRegistrationBean<CorsFilter> filter =
        new FilterRegistrationBean<>(new CorsFilter(everywhere));
    filter.setOrder(Ordered.HIGHEST_PRECEDENCE + 1);
    return filter;
  }
}
