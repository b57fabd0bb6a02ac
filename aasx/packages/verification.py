"""The metamodel's own check: aas-core3.0, the generated code that is also behind the loader of Package Explorer."""

from aas_core3 import jsonization, verification


def verify(environment: dict) -> list[str]:
    """Findings on a JSON environment against IDTA-01001-3-0; an empty list when it conforms."""
    try:
        parsed = jsonization.environment_from_jsonable(environment)
    except jsonization.DeserializationException as error:
        return [f"{error.path}: {error.cause}"]
    return [f"{error.path}: {error.cause}" for error in verification.verify(parsed)]
