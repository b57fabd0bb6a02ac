package twin.store;

import org.eclipse.digitaltwin.aas4j.v3.model.ConceptDescription;
import org.eclipse.digitaltwin.basyx.conceptdescriptionrepository.backend.ConceptDescriptionBackend;
import org.springframework.jdbc.core.JdbcTemplate;

/** Concept descriptions. */
class ConceptDescriptionStore extends IdentifiableStore<ConceptDescription>
    implements ConceptDescriptionBackend {

  ConceptDescriptionStore(Database database) {
    super(database, "concept", ConceptDescription.class);
  }

  @Override
  protected void saveContent(JdbcTemplate jdbc, Chunk chunk, Head head, boolean isNew) {}
}
