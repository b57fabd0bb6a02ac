package twin.store;

import java.io.IOException;
import org.eclipse.digitaltwin.aas4j.v3.model.ConceptDescription;
import org.eclipse.digitaltwin.basyx.conceptdescriptionrepository.backend.InMemoryConceptDescriptionBackend;
import twin.store.Documents.Document;

/** Concept descriptions, read from memory and written through to the disk. */
public class ConceptDescriptionStore extends InMemoryConceptDescriptionBackend {

  private final Documents<ConceptDescription> documents;

  ConceptDescriptionStore(Documents<ConceptDescription> documents) {
    this.documents = documents;
  }

  void load() throws IOException {
    for (Document<ConceptDescription> document : documents.read()) {
      super.save(document.object());
    }
  }

  void removeLeftovers() throws IOException {
    documents.removeLeftovers();
  }

  @Override
  public synchronized <S extends ConceptDescription> S save(S concept) {
    super.save(documents.write(concept));
    return concept;
  }

  @Override
  public synchronized void deleteById(String id) {
    documents.delete(id);
    super.deleteById(id);
  }

  @Override
  public void delete(ConceptDescription concept) {
    deleteById(concept.getId());
  }

  @Override
  public void deleteAllById(Iterable<? extends String> ids) {
    ids.forEach(this::deleteById);
  }

  @Override
  public void deleteAll(Iterable<? extends ConceptDescription> concepts) {
    concepts.forEach(this::delete);
  }

  @Override
  public void deleteAll() {
    deleteAll(findAll());
  }
}
