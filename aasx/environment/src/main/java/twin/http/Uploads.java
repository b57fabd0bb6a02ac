package twin.http;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.eclipse.digitaltwin.aas4j.v3.dataformat.core.SerializationException;
import org.eclipse.digitaltwin.aas4j.v3.model.AdministrativeInformation;
import org.eclipse.digitaltwin.aas4j.v3.model.Environment;
import org.eclipse.digitaltwin.aas4j.v3.model.Identifiable;
import org.eclipse.digitaltwin.basyx.aasenvironment.AasEnvironment;
import org.eclipse.digitaltwin.basyx.aasenvironment.environmentloader.CompleteEnvironment;
import org.eclipse.digitaltwin.basyx.aasrepository.AasRepository;
import org.eclipse.digitaltwin.basyx.core.exceptions.ElementDoesNotExistException;
import org.eclipse.digitaltwin.basyx.submodelrepository.SubmodelRepository;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.http.HttpStatus;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.ControllerAdvice;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.context.request.RequestContextHolder;

/**
 * The upload of packages as BaSyx does it, but a package comes in as a whole or nothing of it does,
 * and one that would change nothing is told.
 *
 * <p>BaSyx keeps shells and submodels that exist, unless their version or revision differs, and
 * answers that all went well. It also remembers the ids of all uploads, so that a cell which was
 * removed cannot come back together with the shell of a model that stayed; here each upload is the
 * first one.
 */
public final class Uploads implements AasEnvironment {

  /** An upload that would change nothing. */
  static class NothingNew extends RuntimeException {
    private static final long serialVersionUID = 1L;

    NothingNew(String message) {
      super(message);
    }
  }

  /** Answers 409, as a Result of the AAS API. */
  @ControllerAdvice
  @Order(Ordered.HIGHEST_PRECEDENCE)
  static class Answer {

    @ExceptionHandler(NothingNew.class)
    ResponseEntity<Map<String, Object>> nothingNew(NothingNew e) {
      return Result.answer(HttpStatus.CONFLICT, e.getMessage());
    }
  }

  private static final int TOLD = 3;

  private final Supplier<AasEnvironment> fresh;
  private final AasEnvironment environment;
  private final Consumer<Runnable> inOneStep;
  private final AasRepository shells;
  private final SubmodelRepository submodels;

  /**
   * @param fresh makes BaSyx's own environment
   * @param inOneStep carries out changes so that all of them are made, or none
   */
  public Uploads(
      Supplier<AasEnvironment> fresh,
      Consumer<Runnable> inOneStep,
      AasRepository shells,
      SubmodelRepository submodels) {
    this.fresh = fresh;
    this.inOneStep = inOneStep;
    this.environment = fresh.get();
    this.shells = shells;
    this.submodels = submodels;
  }

  @Override
  public void loadEnvironment(CompleteEnvironment uploaded) {
    boolean asked = RequestContextHolder.getRequestAttributes() != null; // not at the start
    if (asked && uploaded.getEnvironment() != null) {
      refuseIfNothingIsNew(uploaded.getEnvironment());
    }
    AasEnvironment into = asked ? fresh.get() : environment;
    inOneStep.accept(() -> into.loadEnvironment(uploaded));
  }

  private void refuseIfNothingIsNew(Environment uploaded) {
    List<String> there = new ArrayList<>();
    boolean isNew = false;
    for (Identifiable shell : uploaded.getAssetAdministrationShells()) {
      isNew |= isWritten(shell, shells::getAas, there);
    }
    for (Identifiable submodel : uploaded.getSubmodels()) {
      isNew |= isWritten(submodel, submodels::getSubmodel, there);
    }
    if (!isNew && !there.isEmpty()) {
      String more = there.size() > TOLD ? " and " + (there.size() - TOLD) + " more" : "";
      String names = String.join(", ", there.subList(0, Math.min(TOLD, there.size()))) + more;
      throw new NothingNew(
          "nothing was changed, since all of it is there already: "
              + names
              + ". Remove what is to be replaced, or use scripts/import_twin.py --replace");
    }
  }

  /** Whether BaSyx writes it: there is none, or one of another version. */
  private static boolean isWritten(
      Identifiable uploaded, Function<String, Identifiable> stored, List<String> there) {
    try {
      AdministrativeInformation old = stored.apply(uploaded.getId()).getAdministration();
      if (!version(old).equals(version(uploaded.getAdministration()))) {
        return true;
      }
    } catch (ElementDoesNotExistException e) {
      return true;
    }
    there.add(uploaded.getId());
    return false;
  }

  private static String version(AdministrativeInformation of) {
    return of == null ? "null null" : of.getVersion() + " " + of.getRevision();
  }

  @Override
  public String createJSONAASEnvironmentSerialization(
      List<String> shells, List<String> submodels, boolean withConcepts)
      throws SerializationException {
    return environment.createJSONAASEnvironmentSerialization(shells, submodels, withConcepts);
  }

  @Override
  public String createXMLAASEnvironmentSerialization(
      List<String> shells, List<String> submodels, boolean withConcepts)
      throws SerializationException {
    return environment.createXMLAASEnvironmentSerialization(shells, submodels, withConcepts);
  }

  @Override
  public byte[] createAASXAASEnvironmentSerialization(
      List<String> shells, List<String> submodels, boolean withConcepts)
      throws SerializationException, IOException {
    return environment.createAASXAASEnvironmentSerialization(shells, submodels, withConcepts);
  }
}
