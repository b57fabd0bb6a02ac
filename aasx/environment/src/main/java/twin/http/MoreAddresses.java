package twin.http;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import org.apache.catalina.connector.Connector;
import org.apache.coyote.AbstractProtocol;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.web.embedded.tomcat.TomcatServletWebServerFactory;
import org.springframework.boot.web.server.WebServerFactoryCustomizer;
import org.springframework.core.Ordered;
import org.springframework.stereotype.Component;

/** Lets the server listen on further addresses beside server.address, at the same port. */
@Component
class MoreAddresses implements WebServerFactoryCustomizer<TomcatServletWebServerFactory>, Ordered {

  private final List<String> addresses;

  MoreAddresses(@Value("${twin.http.more-addresses:}") List<String> addresses) {
    this.addresses = addresses;
  }

  @Override
  public void customize(TomcatServletWebServerFactory server) {
    for (String address : addresses) {
      Connector connector = new Connector(TomcatServletWebServerFactory.DEFAULT_PROTOCOL);
      connector.setPort(server.getPort());
      server.getTomcatConnectorCustomizers().forEach(customizer -> customizer.customize(connector));
      try {
        ((AbstractProtocol<?>) connector.getProtocolHandler())
            .setAddress(InetAddress.getByName(address));
      } catch (UnknownHostException e) {
        throw new IllegalStateException("twin.http.more-addresses: no address: " + address, e);
      }
      server.addAdditionalTomcatConnectors(connector);
    }
  }

  /** After those that know the settings of all connectors. */
  @Override
  public int getOrder() {
    return Ordered.LOWEST_PRECEDENCE;
  }
}
