package twin.store;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonSerializable;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.annotation.JsonSerialize;
import com.fasterxml.jackson.databind.jsontype.TypeSerializer;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.eclipse.digitaltwin.basyx.submodelservice.value.SubmodelElementValue;
import org.eclipse.digitaltwin.basyx.submodelservice.value.SubmodelValueOnly;
import org.springframework.aop.support.AopUtils;
import org.springframework.jdbc.core.JdbcTemplate;
import twin.store.Chunk.Holds;

/**
 * JSON that BaSyx hands from the store to the caller: not the text, but where it is. It comes from
 * the rows as it lies there, never parsed and never as a whole in memory.
 */
@JsonSerialize(as = JsonSerializable.class)
final class Stored extends SubmodelValueOnly implements JsonSerializable, SubmodelElementValue {

  /** So much is read at once; beyond it the answer is written while the rows are read. */
  private static final int BUFFER_CHARS = 1 << 20;

  /** Nobody gets more than this as Java objects. */
  private static final int LARGEST_OBJECT_CHARS = 16 << 20;

  private static final class TooLong extends RuntimeException {
    TooLong() {
      super(null, null, false, false);
    }
  }

  private final Database database;
  private final BiConsumer<JdbcTemplate, Consumer<String>> content;

  /**
   * @param content shows its parts one after the other, as they are when it is asked
   */
  Stored(Database database, BiConsumer<JdbcTemplate, Consumer<String>> content) {
    super(List.of());
    this.database = database;
    this.content = content;
  }

  @Override
  public void serialize(JsonGenerator out, SerializerProvider provider) throws IOException {
    try {
      out.writeRawValue(text(BUFFER_CHARS, this::read));
    } catch (TooLong e) {
      if (!(out.getOutputTarget() instanceof OutputStream)) {
        out.writeRawValue(whole(this::read));
        return;
      }
      out.writeRawValue("");
      try {
        database.stream(jdbc -> content.accept(jdbc, text -> write(text, out)));
      } catch (UncheckedIOException callerIsGone) {
        throw callerIsGone.getCause();
      }
    }
  }

  @Override
  public void serializeWithType(JsonGenerator out, SerializerProvider provider, TypeSerializer type)
      throws IOException {
    serialize(out, provider);
  }

  private static void write(String text, JsonGenerator out) {
    try {
      out.writeRaw(text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void read(Consumer<String> out) {
    database.read(
        jdbc -> {
          content.accept(jdbc, out);
          return null;
        });
  }

  private static String text(int limit, Consumer<Consumer<String>> source) {
    StringBuilder text = new StringBuilder();
    source.accept(
        part -> {
          if (text.length() + part.length() > limit) {
            throw new TooLong();
          }
          text.append(part);
        });
    return text.toString();
  }

  /**
   * @throws StoreException if the text is too long to be handled as one
   */
  static String whole(Consumer<Consumer<String>> source) {
    try {
      return text(LARGEST_OBJECT_CHARS, source);
    } catch (TooLong e) {
      throw StoreException.tooLarge(
          "This is too large to be handled as a whole",
          "Read it with GET of the submodel or of its elements, or change its elements one by"
              + " one.");
    }
  }

  /** All of it as a Java object. */
  <T> T object(Class<T> type) {
    return Json.read(whole(this::read), type);
  }

  /**
   * A submodel or large container whose elements are read when they are asked for, and sent as they
   * lie there.
   *
   * @param head its JSON without elements
   */
  <T> T lazy(Class<T> type, Holds holds, String head) {
    Object own = Json.read(head, holds.type());
    InvocationHandler handler =
        (proxy, method, arguments) -> {
          Object target =
              method.getDeclaringClass() == JsonSerializable.class
                  ? this
                  : method.getName().equalsIgnoreCase("get" + holds.array())
                      ? object(holds.type())
                      : own;
          return AopUtils.invokeJoinpointUsingReflection(target, method, arguments);
        };
    Class<?>[] types = {holds.type(), JsonSerializable.class};
    return type.cast(Proxy.newProxyInstance(Stored.class.getClassLoader(), types, handler));
  }
}
