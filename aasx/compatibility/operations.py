"""Checks of invocations, with a delegate of their own."""

from __future__ import annotations

from collections.abc import Callable

from aasx.client import AasError, DelegateFailed, OperationFailed
from aasx.compatibility.report import Check, Differs, Missing, NotTried
from aasx.compatibility.scratch import DELEGATE_PATH, Delegate, Scratch, prop
from aasx.submodels.operation_variables import DELEGATION


def checks(delegate_url: str | None) -> list[Check]:
    """The checks that need a delegate; the first finds out whether the server calls ours at all."""
    reached: list[Delegate] = []

    def with_delegate(kind: str, deed: Callable[[Scratch, Delegate, str], None]) -> Callable[[Scratch], None]:
        def run_it(scratch: Scratch) -> None:
            if kind != "echo" and not reached:
                raise NotTried("the server did not call the check's delegate")
            with Delegate(scratch, delegate_url).running() as delegate:
                name = f"Operation_{kind}"
                scratch.client.append_element(scratch.submodel, None, _operation(name, delegate.url + kind))
                deed(scratch, delegate, name)

        return run_it

    def echo(scratch: Scratch, delegate: Delegate, name: str) -> None:
        try:
            outputs = scratch.client.invoke(scratch.submodel, name, {"A": 5, "B": 2.5}, timeout_s=30)
        except AasError as error:
            if delegate.calls:
                reached.append(delegate)
                raise
            text = f"{delegate.url.removesuffix(DELEGATE_PATH)} was not called: {error}"
            raise (NotTried if "TWIN_DELEGATE_URLS" in str(error) else Missing)(text) from error
        reached.append(delegate)
        if not isinstance(delegate.calls[0], list):
            raise Missing(f"the delegate gets {str(delegate.calls[0])[:100]} instead of an array of variables")
        if outputs["Sum"] != 7.5 or outputs["Trajectory"] != [5.0, 2.5]:
            raise Missing(f"inputs 5 and 2.5 come to {outputs.get('Sum')} and {outputs.get('Trajectory')}")
        if outputs["Message"] != "yes":
            raise Missing(f"the delegate could not read and write the AAS meanwhile: {outputs['Message']}")

    def refuse(scratch: Scratch, delegate: Delegate, name: str) -> None:
        try:
            scratch.client.invoke(scratch.submodel, name, {"A": 5})
        except OperationFailed as error:
            if (error.status, error.message) != ("invalidInput", "no such cycle"):
                raise Missing(f"the delegate's refusal arrives as {error}") from error
            return
        raise Missing("the outputs Status and Message do not arrive")

    def fail(scratch: Scratch, delegate: Delegate, name: str) -> None:
        try:
            scratch.client.invoke(scratch.submodel, name, {"A": 5})
        except DelegateFailed:
            return
        except AasError as error:
            raise Differs(f"a delegate that fails arrives as {error}") from error
        raise Missing("a delegate that fails arrives as a success")

    return [
        Check(
            "operations are handed over to a delegate",
            True,
            with_delegate("echo", echo),
            "Predict and all other operations cannot be invoked through the AAS",
            "allow the delegate's address: TWIN_DELEGATE_URLS (this project's environment), basyx.submodelrepository."
            "feature.operation.delegation.security.allowlist.hosts (BaSyx Java from milestone 10 on), "
            "SMREPO_DELEGATION_TRUSTED_HOSTS (BaSyx Go); --delegate-url names another address of this machine; a server"
            " without the qualifier invocationDelegation cannot serve the twin",
        ),
        Check(
            "a delegate's refusal arrives with its message",
            True,
            with_delegate("refuse", refuse),
            "users do not see why an operation was refused",
            "report it to the maker of the server",
        ),
        Check(
            "a delegate that fails is told as such",
            False,
            with_delegate("fail", fail),
            "a dead delegate looks like a fault of the request",
            "look into the log of the delegate when an operation fails",
        ),
    ]


def _operation(name: str, url: str) -> dict:
    return {
        "modelType": "Operation", "idShort": name,
        "qualifiers": [{"type": DELEGATION, "kind": "ConceptQualifier", "valueType": "xs:string", "value": url}],
        "inputVariables": [{"value": prop("A", None, "xs:int")}, {"value": prop("B", None, "xs:double")}],
        "outputVariables": [{"value": prop("Status", None)}, {"value": prop("Message", None)},
                            {"value": prop("Sum", None, "xs:double")}],
    }  # fmt: skip
