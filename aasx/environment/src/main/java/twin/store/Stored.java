package twin.store;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonSerializable;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.jsontype.TypeSerializer;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;
import org.eclipse.digitaltwin.aas4j.v3.model.Entity;
import org.eclipse.digitaltwin.aas4j.v3.model.Submodel;
import org.eclipse.digitaltwin.aas4j.v3.model.SubmodelElement;
import org.eclipse.digitaltwin.aas4j.v3.model.SubmodelElementCollection;
import org.eclipse.digitaltwin.aas4j.v3.model.SubmodelElementList;
import org.eclipse.digitaltwin.aas4j.v3.model.impl.DefaultEntity;
import org.eclipse.digitaltwin.aas4j.v3.model.impl.DefaultSubmodel;
import org.eclipse.digitaltwin.aas4j.v3.model.impl.DefaultSubmodelElementCollection;
import org.eclipse.digitaltwin.aas4j.v3.model.impl.DefaultSubmodelElementList;
import org.eclipse.digitaltwin.basyx.submodelservice.value.SubmodelElementValue;
import org.eclipse.digitaltwin.basyx.submodelservice.value.SubmodelValueOnly;
import org.eclipse.digitaltwin.basyx.submodelservice.value.mapper.EntityValueMapper;
import org.springframework.beans.BeanUtils;
import org.springframework.jdbc.core.JdbcTemplate;
import twin.store.Chunk.Holds;
import twin.store.Elements.Row;
import twin.store.Elements.Sink;

/**
 * Submodels and large containers as BaSyx hands them from the store to the caller: not their
 * elements, but where they are. What is written to the caller comes from the rows as it lies there,
 * never parsed and never as a whole in memory.
 */
final class Stored {

  /** So much is read at once; beyond it the answer is written while the rows are read. */
  private static final int BUFFER_CHARS = 1 << 20;

  /** Nobody gets more than this as Java objects. */
  private static final int LARGEST_OBJECT_CHARS = 16 << 20;

  private Stored() {}

  /**
   * Where a submodel or large container lies.
   *
   * @param owner nr of the submodel
   * @param find its row as it is now; for the submodel itself with nr {@link Elements#TOP}
   */
  record Source(
      Database database, long owner, Holds holds, Function<JdbcTemplate, Optional<Row>> find) {

    /** Shows the sink one text after the other; none if this does not exist any longer. */
    void write(JdbcTemplate jdbc, Sink sink) {
      find.apply(jdbc)
          .ifPresent(
              row -> new Elements(jdbc, owner).write(row.json(), row.holds(), row.nr(), sink));
    }

    void visit(JdbcTemplate jdbc, Elements.Visitor visitor) {
      find.apply(jdbc).ifPresent(row -> new Elements(jdbc, owner).visitValues(row.nr(), visitor));
    }
  }

  private static final class Overflow extends RuntimeException {
    Overflow() {
      super(null, null, false, false);
    }
  }

  private static Sink upTo(int limit, StringBuilder text) {
    return json -> {
      if (text.length() + json.length() > limit) {
        throw new Overflow();
      }
      text.append(json);
    };
  }

  private static void write(Source source, JsonGenerator out) throws IOException {
    Database database = source.database();
    StringBuilder text = new StringBuilder();
    try {
      database.read(
          jdbc -> {
            source.write(jdbc, upTo(BUFFER_CHARS, text));
            return null;
          });
      if (!text.isEmpty()) {
        out.writeRawValue(text.toString());
      }
    } catch (Overflow tooLong) {
      if (!(out.getOutputTarget() instanceof OutputStream)) {
        out.writeRawValue(whole(source));
        return;
      }
      text.setLength(0);
      text.trimToSize();
      boolean[] begun = {false};
      try {
        database.stream(
            jdbc ->
                source.write(
                    jdbc,
                    json -> {
                      try {
                        if (begun[0]) {
                          out.writeRaw(json);
                        } else {
                          out.writeRawValue(json);
                        }
                      } catch (IOException e) {
                        throw new UncheckedIOException(e);
                      }
                      begun[0] = true;
                    }));
      } catch (UncheckedIOException e) {
        throw e.getCause();
      }
    }
  }

  private static String whole(Source source) {
    return whole(
        sink ->
            source
                .database()
                .read(
                    jdbc -> {
                      source.write(jdbc, sink);
                      return null;
                    }));
  }

  /**
   * @throws StoreException if the text is too long to be handled as one
   */
  static String whole(Consumer<Sink> content) {
    StringBuilder text = new StringBuilder();
    try {
      content.accept(upTo(LARGEST_OBJECT_CHARS, text));
    } catch (Overflow e) {
      throw StoreException.tooLarge(
          "This is too large to be handled as a whole",
          "Read it with GET of the submodel or of its elements, or change its elements one by one.");
    }
    return text.toString();
  }

  /** A part of a submodel whose elements are read when they are asked for. */
  interface HasRows extends JsonSerializable {
    Source source();

    @Override
    default void serialize(JsonGenerator out, SerializerProvider provider) throws IOException {
      write(source(), out);
    }

    @Override
    default void serializeWithType(
        JsonGenerator out, SerializerProvider provider, TypeSerializer type) throws IOException {
      serialize(out, provider);
    }

    /** The value-only form. */
    default SubmodelElementValue value() {
      return new LazyValue(source());
    }

    default <T> T parsed(Class<T> type) {
      return Json.read(whole(source()), type);
    }
  }

  /**
   * @param head the submodel without its elements
   */
  static Submodel submodel(Submodel head, Source source) {
    LazySubmodel submodel = new LazySubmodel(source);
    BeanUtils.copyProperties(head, submodel, "submodelElements");
    return submodel;
  }

  static final class LazySubmodel extends DefaultSubmodel implements HasRows {
    private final Source source;
    private List<SubmodelElement> elements;

    LazySubmodel(Source source) {
      this.source = source;
    }

    @Override
    public Source source() {
      return source;
    }

    @Override
    public List<SubmodelElement> getSubmodelElements() {
      if (elements == null) {
        elements = parsed(Submodel.class).getSubmodelElements();
      }
      return elements;
    }
  }

  /** A large collection, list or entity. */
  static SubmodelElement container(Row head, Source source) {
    SubmodelElement container =
        switch (head.holds()) {
          case COLLECTION -> new LazyCollection(source);
          case LIST -> new LazyList(source);
          default -> new LazyEntity(source);
        };
    BeanUtils.copyProperties(
        Json.read(head.json(), SubmodelElement.class), container, head.holds().array());
    return container;
  }

  static final class LazyCollection extends DefaultSubmodelElementCollection implements HasRows {
    private final Source source;

    LazyCollection(Source source) {
      this.source = source;
    }

    @Override
    public Source source() {
      return source;
    }

    @Override
    public List<SubmodelElement> getValue() {
      return parsed(SubmodelElementCollection.class).getValue();
    }
  }

  static final class LazyList extends DefaultSubmodelElementList implements HasRows {
    private final Source source;

    LazyList(Source source) {
      this.source = source;
    }

    @Override
    public Source source() {
      return source;
    }

    @Override
    public List<SubmodelElement> getValue() {
      return parsed(SubmodelElementList.class).getValue();
    }
  }

  static final class LazyEntity extends DefaultEntity implements HasRows {
    private final Source source;

    LazyEntity(Source source) {
      this.source = source;
    }

    @Override
    public Source source() {
      return source;
    }

    @Override
    public SubmodelElementValue value() {
      return new EntityValueMapper(this).getValue();
    }

    @Override
    public List<SubmodelElement> getStatements() {
      return parsed(Entity.class).getStatements();
    }
  }

  // ---- values only

  /** The value-only form ($value) of a large container. */
  static final class LazyValue implements SubmodelElementValue, JsonSerializable {
    private final Source source;

    LazyValue(Source source) {
      this.source = source;
    }

    @Override
    public void serialize(JsonGenerator out, SerializerProvider provider) throws IOException {
      StringBuilder text = new StringBuilder();
      try (JsonGenerator buffered =
          out.getCodec().getFactory().createGenerator(writer(upTo(BUFFER_CHARS, text)))) {
        source
            .database()
            .read(
                jdbc -> {
                  write(jdbc, buffered, provider);
                  return null;
                });
        buffered.flush();
        out.writeRawValue(text.toString());
      } catch (Overflow tooLong) {
        text.setLength(0);
        text.trimToSize();
        source.database().stream(jdbc -> write(jdbc, out, provider));
      }
    }

    private void write(JdbcTemplate jdbc, JsonGenerator out, SerializerProvider provider) {
      Values writer = new Values(out, provider);
      writer.begin(source.holds());
      source.visit(jdbc, writer);
      writer.end(source.holds());
    }

    private static Writer writer(Sink sink) {
      return new Writer() {
        @Override
        public void write(char[] text, int start, int length) {
          sink.accept(String.valueOf(text, start, length));
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
      };
    }

    @Override
    public void serializeWithType(
        JsonGenerator out, SerializerProvider provider, TypeSerializer type) throws IOException {
      serialize(out, provider);
    }
  }

  /** The value-only form of a submodel. */
  static final class LazySubmodelValue extends SubmodelValueOnly {
    private final LazyValue value;

    LazySubmodelValue(LazyValue value) {
      super(List.of());
      this.value = value;
    }

    LazyValue value() {
      return value;
    }
  }
}
