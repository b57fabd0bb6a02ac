"""Checks of a package, as a tree of findings that prints like that of aas_test_engines.

    metamodel        aas-core3.0: every constraint of the metamodel (IDTA-01001-3-0)
    file             aas_test_engines check_file on the package itself: OPC, JSON or XML schema, constraints
    templates        the published submodel templates, from the table templates/facts.csv
    references       every reference into the package's own submodels and shells resolves
    vocabulary       every semanticId of ours has its concept description with English and French name and definition
    supplementary    every File element's part is in the package and no part is left over
"""

from aas_core3 import jsonization, verification


def verify(environment: dict) -> list[str]:
    """Findings of aas-core3.0 on a JSON environment; an empty list when it conforms."""
    try:
        parsed = jsonization.environment_from_jsonable(environment)
    except jsonization.DeserializationException as error:
        return [f"{error.path}: {error.cause}"]
    return [f"{error.path}: {error.cause}" for error in verification.verify(parsed)]
