package twin.store;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.boot.context.properties.bind.Name;
import org.springframework.core.env.Environment;

/**
 * Where the store lies, as the settings {@code twin.store.*} say.
 *
 * @param dir folder of the SQLite file, and of a store of version 1
 * @param url JDBC URL; empty for the SQLite file {@code twin.db}
 * @param passwordFile holds the password alone; empty if it is given itself
 * @param fsync whether a change is acknowledged only once it would survive a power cut
 * @param patience how long a database that does not answer is waited for at the start
 */
record StoreSettings(
    Path dir,
    String url,
    String user,
    String password,
    String passwordFile,
    boolean fsync,
    @Name("wait") Duration patience) {

  StoreSettings {
    url = url.isBlank() ? "jdbc:sqlite:" + dir.resolve("twin.db") : url;
  }

  static StoreSettings of(Environment environment) {
    return Binder.get(environment).bind("twin.store", StoreSettings.class).get();
  }

  /**
   * @throws StoreException if the file with it cannot be read
   */
  String secret() {
    try {
      return passwordFile.isBlank() ? password : Files.readString(Path.of(passwordFile)).strip();
    } catch (IOException e) {
      throw new StoreException(
          "The file with the database's password cannot be read: " + e,
          "Correct TWIN_STORE_PASSWORD_FILE.",
          e);
    }
  }
}
