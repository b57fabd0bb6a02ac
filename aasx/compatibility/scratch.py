"""What the checks work on: a scratch submodel and shell, plain requests, and a delegate of its own."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import requests

from aasx.client import AasClient, AasError, NotFound, server_message
from aasx.compatibility.report import Missing
from aasx.elements import build, values

ALL_KINDS = "Kinds"
RECORDS, ITEMS = "Records", "Items"
DELEGATE_PATH = "/check/"
CALLBACK_TIMEOUT_S = 10.0


class Scratch:
    """The server under test, with objects that nobody else has."""

    def __init__(self, url: str, timeout_s: float = 20.0):
        self.client = AasClient(url, timeout_s)
        self.url, self.timeout_s = self.client.base_url, timeout_s
        self.base = f"urn:uuid:{uuid.uuid4()}"
        self.submodels = [f"{self.base}:sm"]
        self.shells = [f"{self.base}:aas:{number}" for number in range(3)]
        self.concepts: list[str] = []

    @property
    def submodel(self) -> str:
        return self.submodels[0]

    def request(self, method: str, path: str, **more: Any) -> requests.Response:
        """A request as any tool sends it. Raises Missing where no answer comes."""
        try:
            return requests.request(method, self.url + path, timeout=self.timeout_s, allow_redirects=False, **more)
        except requests.RequestException as error:
            raise Missing(f"{method} {_plain(path)}: {type(error).__name__}") from error

    def status_of_plain(self, path: str) -> int:
        """The status of a GET whose path is sent as it is, brackets included."""
        request = requests.Request("GET", self.url).prepare()
        request.url = self.url + path
        try:
            with requests.Session() as session:
                return session.send(request, timeout=self.timeout_s, allow_redirects=False).status_code
        except requests.RequestException as error:
            raise Missing(f"GET {_plain(path)}: {type(error).__name__}") from error

    def answer(self, method: str, path: str, **more: Any) -> Any:
        """The JSON of a request that succeeds, None for no content. Raises Missing for anything else."""
        answer = self.request(method, path, **more)
        if answer.status_code >= 300:
            raise Missing(f"{method} {_plain(path)} gives {answer.status_code} {server_message(answer)}".rstrip())
        try:
            return answer.json() if answer.content else None
        except ValueError as error:
            raise Missing(f"{method} {_plain(path)} gives no JSON") from error

    def at(self, path: str, submodel: str | None = None) -> str:
        """The address of an element of the scratch submodel; brackets are written as they are."""
        return f"/submodels/{encoded(submodel or self.submodel)}/submodel-elements/{path}"

    def clean(self) -> list[str]:
        """Takes away all that was made; the ids of what stays."""
        left = []
        for delete, ids in (
            (self.client.delete_shell, self.shells),
            (self.client.delete_submodel, self.submodels),
            (self.client.delete_concept_description, self.concepts),
        ):
            for identifier in ids:
                try:
                    delete(identifier)
                except NotFound:
                    pass
                except AasError:
                    left.append(identifier)
        return left


def encoded(identifier: str, padded: bool = False) -> str:
    text = base64.urlsafe_b64encode(identifier.encode()).decode()
    return text if padded else text.rstrip("=")


def _plain(path: str) -> str:
    """A path to read: ids, which are long and say nothing, as {id}."""
    parts = path.split("/")
    return "/".join(
        "{id}" if before in ("submodels", "shells") else part
        for before, part in zip(["", *parts[:-1]], parts, strict=True)
    )


def prop(id_short: str | None, value: str | None, xs_type: str = "xs:string") -> dict:
    element: dict[str, Any] = {"modelType": "Property", "valueType": xs_type}
    if id_short is not None:
        element["idShort"] = id_short
    return element if value is None else element | {"value": value}


def collection(id_short: str | None, children: list[dict]) -> dict:
    return build.collection_element(id_short, children)


class Delegate:
    """Answers invoked operations while it runs; `calls` holds the bodies it got.

    Below DELEGATE_PATH: `echo` answers Status ok, the sum of the inputs, and a list, after it has read and written an
    element of `scratch` as the twin's own delegate does; `refuse` answers another Status; `fail` HTTP 500.
    """

    def __init__(self, scratch: Scratch, url: str | None):
        self.calls: list[Any] = []
        host, port = _own_address(scratch.url), 0
        if url:
            parts = urlsplit(url)
            host, port = parts.hostname or host, parts.port or 80
        handler = type("Handler", (_Handler,), {"scratch": scratch, "calls": self.calls})
        beside_us = host in ("127.0.0.1", "localhost")
        self._server = ThreadingHTTPServer(("127.0.0.1" if beside_us else "0.0.0.0", port), handler)
        self.url = (url or f"http://{host}:{self._server.server_port}").rstrip("/") + DELEGATE_PATH

    @contextlib.contextmanager
    def running(self) -> Iterator[Delegate]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()


def _own_address(url: str) -> str:
    """This machine's address as the server sees it."""
    parts = urlsplit(url)
    with socket.create_connection(
        (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)), 10
    ) as to:
        return to.getsockname()[0]


class _Handler(BaseHTTPRequestHandler):
    scratch: Scratch
    calls: list[Any]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            given = json.loads(body)
        except ValueError:
            given = body.decode(errors="replace")
        self.calls.append(given)
        kind = self.path.rsplit("/", 1)[-1]
        if kind == "fail":
            self._send(500, {"reason": "as the check wants it"})
        elif kind == "refuse":
            self._send(200, _outputs("invalidInput", "no such cycle", []))
        else:
            self._send(200, _outputs("ok", self._called_back(), _numbers(given)))

    def _called_back(self) -> str:
        """Reads and writes the AAS in the middle of the invocation; what that came to."""
        client = AasClient(self.scratch.url, CALLBACK_TIMEOUT_S)
        try:
            client.set_value(self.scratch.submodel, "CalledBack", "yes")
            return str(client.element_value(self.scratch.submodel, "CalledBack"))
        except (AasError, ValueError) as error:
            return str(error)

    def _send(self, status: int, content: Any) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


def _numbers(given: Any) -> list[float]:
    if not isinstance(given, list):
        return []
    found = [values.to_value(variable["value"]) for variable in given if isinstance(variable, dict)]
    return [float(number) for number in found if isinstance(number, int | float)]


def _outputs(status: str, message: str, numbers: list[float]) -> list[dict]:
    rows: dict[str, Any] = {
        "modelType": "SubmodelElementList", "idShort": "Trajectory", "typeValueListElement": "Property",
        "valueTypeListElement": "xs:double",
        "value": [prop(None, repr(number), "xs:double") for number in numbers or [0.0]],
    }  # fmt: skip
    outputs = [prop("Status", status), prop("Message", message), prop("Sum", repr(sum(numbers)), "xs:double"), rows]
    return [{"value": output} for output in outputs]
