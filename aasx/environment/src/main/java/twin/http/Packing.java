package twin.http;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.eclipse.digitaltwin.aas4j.v3.dataformat.aasx.AASXSerializer;
import org.eclipse.digitaltwin.aas4j.v3.dataformat.aasx.InMemoryFile;
import org.eclipse.digitaltwin.aas4j.v3.dataformat.aasx.MetamodelContentType;
import org.eclipse.digitaltwin.aas4j.v3.dataformat.core.DeserializationException;
import org.eclipse.digitaltwin.aas4j.v3.dataformat.core.SerializationException;
import org.eclipse.digitaltwin.aas4j.v3.dataformat.core.internal.visitor.AssetAdministrationShellElementWalkerVisitor;
import org.eclipse.digitaltwin.aas4j.v3.dataformat.json.JsonDeserializer;
import org.eclipse.digitaltwin.aas4j.v3.dataformat.xml.XmlSerializer;
import org.eclipse.digitaltwin.aas4j.v3.model.AssetAdministrationShell;
import org.eclipse.digitaltwin.aas4j.v3.model.Environment;
import org.eclipse.digitaltwin.aas4j.v3.model.File;
import org.eclipse.digitaltwin.aas4j.v3.model.Resource;
import org.eclipse.digitaltwin.aas4j.v3.model.Submodel;
import org.eclipse.digitaltwin.basyx.aasenvironment.base.DefaultAASEnvironment;
import org.eclipse.digitaltwin.basyx.aasrepository.AasRepository;
import org.eclipse.digitaltwin.basyx.conceptdescriptionrepository.ConceptDescriptionRepository;
import org.eclipse.digitaltwin.basyx.core.exceptions.FileDoesNotExistException;
import org.eclipse.digitaltwin.basyx.submodelrepository.SubmodelRepository;
import org.springframework.web.context.request.RequestAttributes;
import org.springframework.web.context.request.RequestContextHolder;

/**
 * BaSyx's environment, whose serializations hold everything.
 *
 * <p>BaSyx by itself fails at a File without content, makes packages with XML only, and its XML has
 * the variables of an operation each in a list of its own, so that readers find the last one.
 */
public class Packing extends DefaultAASEnvironment {

  /** Attribute of a request for a package: JSON where it is to hold that. */
  static final String FORM = Packing.class.getName();

  private static final Pattern BETWEEN_VARIABLES =
      Pattern.compile("</aas:((?:in|out|inout)putVariables)>\\s*<aas:\\1>");

  private final AasRepository shells;
  private final SubmodelRepository submodels;

  public Packing(
      AasRepository shells, SubmodelRepository submodels, ConceptDescriptionRepository concepts) {
    super(shells, submodels, concepts);
    this.shells = shells;
    this.submodels = submodels;
  }

  @Override
  public String createXMLAASEnvironmentSerialization(
      List<String> shellIds, List<String> submodelIds, boolean withConcepts)
      throws SerializationException {
    return mended(super.createXMLAASEnvironmentSerialization(shellIds, submodelIds, withConcepts));
  }

  private static String mended(String xml) {
    return BETWEEN_VARIABLES.matcher(xml).replaceAll("");
  }

  @Override
  public byte[] createAASXAASEnvironmentSerialization(
      List<String> shellIds, List<String> submodelIds, boolean withConcepts)
      throws SerializationException, IOException {
    String json = createJSONAASEnvironmentSerialization(shellIds, submodelIds, withConcepts);
    Environment copy;
    try {
      copy = new JsonDeserializer().read(json, Environment.class);
    } catch (DeserializationException e) {
      throw new SerializationException("cannot be packed", e);
    }
    List<InMemoryFile> files = new ArrayList<>();
    for (AssetAdministrationShell shell : copy.getAssetAdministrationShells()) {
      packThumbnail(shell, files);
    }
    for (Submodel submodel : copy.getSubmodels()) {
      for (File file : getAllFileSubmodelElements(submodel)) {
        packFile(submodel, file, files);
      }
    }
    XmlSerializer xml =
        new XmlSerializer() {
          @Override
          public String write(Environment environment) throws SerializationException {
            return mended(super.write(environment));
          }
        };
    ByteArrayOutputStream made = new ByteArrayOutputStream();
    new AASXSerializer(xml).write(copy, files, made, form());
    return made.toByteArray();
  }

  private static MetamodelContentType form() {
    RequestAttributes request = RequestContextHolder.getRequestAttributes();
    Object asked =
        request == null ? null : request.getAttribute(FORM, RequestAttributes.SCOPE_REQUEST);
    return asked == MetamodelContentType.JSON
        ? MetamodelContentType.JSON
        : MetamodelContentType.XML;
  }

  private void packThumbnail(AssetAdministrationShell shell, List<InMemoryFile> files)
      throws IOException {
    Resource thumbnail = shell.getAssetInformation().getDefaultThumbnail();
    if (thumbnail == null || thumbnail.getPath() == null) {
      return;
    }
    try {
      byte[] content = Files.readAllBytes(shells.getThumbnail(shell.getId()).toPath());
      thumbnail.setPath(partName("/", files.size(), thumbnail.getPath()));
      files.add(new InMemoryFile(content, thumbnail.getPath()));
    } catch (FileDoesNotExistException e) {
      // It is left out, as every file that is gone.
    }
  }

  private void packFile(Submodel submodel, File file, List<InMemoryFile> files) throws IOException {
    try (InputStream content = submodels.getFileByFilePath(submodel.getId(), file.getValue())) {
      byte[] bytes = content.readAllBytes();
      file.setValue(partName("/aasx/files/", files.size(), file.getValue()));
      files.add(new InMemoryFile(bytes, file.getValue()));
    } catch (FileDoesNotExistException e) {
      // It is left out.
    }
  }

  /** A name of its own, with the ending of what it is called in the store. */
  private static String partName(String folder, int number, String stored) {
    String ending = stored.replaceFirst("(?s)^.*[./\\\\](?=[A-Za-z0-9]{1,10}$)", ".");
    return folder + "file" + (number + 1) + (ending.matches("\\.[A-Za-z0-9]+") ? ending : "");
  }

  @Override
  public List<File> getAllFileSubmodelElements(Submodel submodel) {
    List<File> found = new ArrayList<>();
    new AssetAdministrationShellElementWalkerVisitor() {
      @Override
      public void visit(File file) {
        if (file != null && file.getValue() != null && !file.getValue().startsWith("http")) {
          found.add(file);
        }
      }
    }.visit(submodel);
    return found;
  }
}
