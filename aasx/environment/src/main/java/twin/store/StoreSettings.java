package twin.store;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** Where the store lies, as the settings say. */
@Configuration
class StoreSettings {

  @Bean
  Database.Settings databaseSettings(
      @Value("${twin.store.dir}") Path folder,
      @Value("${twin.store.url:}") String url,
      @Value("${twin.store.user:}") String user,
      @Value("${twin.store.password:}") String password,
      @Value("${twin.store.password-file:}") String passwordFile,
      @Value("${twin.store.fsync}") boolean fsync,
      @Value("${twin.store.wait}") Duration patience) {
    return new Database.Settings(
        url.isBlank() ? "jdbc:sqlite:" + folder.resolve("twin.db") : url,
        user,
        passwordFile.isBlank() ? password : contentOf(passwordFile),
        fsync,
        patience);
  }

  private static String contentOf(String file) {
    try {
      return Files.readString(Path.of(file)).strip();
    } catch (IOException e) {
      throw new StoreException(
          "The file with the database's password cannot be read: " + e,
          "Correct TWIN_STORE_PASSWORD_FILE.",
          e);
    }
  }
}
