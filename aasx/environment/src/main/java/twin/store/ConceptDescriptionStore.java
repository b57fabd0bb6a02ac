package twin.store;

import java.util.List;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.eclipse.digitaltwin.aas4j.v3.model.ConceptDescription;
import org.eclipse.digitaltwin.aas4j.v3.model.Reference;
import org.eclipse.digitaltwin.basyx.conceptdescriptionrepository.ConceptDescriptionRepository;
import org.eclipse.digitaltwin.basyx.core.pagination.CursorResult;
import org.eclipse.digitaltwin.basyx.core.pagination.PaginationInfo;
import org.eclipse.digitaltwin.basyx.core.pagination.PaginationSupport;

/** Concept descriptions. */
class ConceptDescriptionStore extends IdentifiableStore<ConceptDescription>
    implements ConceptDescriptionRepository {

  ConceptDescriptionStore(Database database) {
    super(database, "concept", ConceptDescription.class);
  }

  @Override
  public CursorResult<List<ConceptDescription>> getAllConceptDescriptions(PaginationInfo wanted) {
    return page(wanted);
  }

  @Override
  public CursorResult<List<ConceptDescription>> getAllConceptDescriptionsByIdShort(
      String idShort, PaginationInfo wanted) {
    return matching(concept -> idShort.equals(concept.getIdShort()), wanted);
  }

  @Override
  public CursorResult<List<ConceptDescription>> getAllConceptDescriptionsByIsCaseOf(
      Reference reference, PaginationInfo wanted) {
    return matching(concept -> concept.getIsCaseOf().contains(reference), wanted);
  }

  @Override
  public CursorResult<List<ConceptDescription>>
      getAllConceptDescriptionsByDataSpecificationReference(
          Reference reference, PaginationInfo wanted) {
    return matching(
        concept ->
            concept.getEmbeddedDataSpecifications().stream()
                .anyMatch(content -> reference.equals(content.getDataSpecification())),
        wanted);
  }

  private CursorResult<List<ConceptDescription>> matching(
      Predicate<ConceptDescription> filter, PaginationInfo wanted) {
    TreeMap<String, ConceptDescription> found = new TreeMap<>();
    String cursor = null;
    do {
      CursorResult<List<ConceptDescription>> page = page(new PaginationInfo(null, cursor));
      page.getResult().stream().filter(filter).forEach(one -> found.put(one.getId(), one));
      cursor = page.getCursor();
    } while (cursor != null);
    return new PaginationSupport<>(found, ConceptDescription::getId).getPaged(wanted);
  }

  @Override
  public ConceptDescription getConceptDescription(String id) {
    return get(id);
  }

  @Override
  public void createConceptDescription(ConceptDescription concept) {
    create(concept);
  }

  @Override
  public void updateConceptDescription(String id, ConceptDescription concept) {
    replace(id, concept);
  }

  @Override
  public void deleteConceptDescription(String id) {
    delete(id);
  }
}
