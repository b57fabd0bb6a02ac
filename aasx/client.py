"""Gateway to an AAS environment (Eclipse BaSyx or any other) over the REST API of IDTA-01002 part 2, version 3.

Every failure is one of these, so that a caller can tell what to do next:

    AasError                base of all; `AasError.remedy` says what a person can do
     |- Unreachable         nobody answers at the address
     |   `- TimedOut        somebody is there, but no answer came in time; a write may or may not have been done
     |- NotFound            no such shell, submodel, element or attachment
     |- Conflict            it exists already
     |- Changed             of `if_match` and `only_while`: somebody else has changed it since; nothing is written
     |- Refused             the server refuses the request (any other 4xx)
     |- ServerFault         the server failed (5xx)
     |   `- DelegateFailed  the server could not get an answer from the operation's delegate
     |- BadAnswer           the answer is not what the API promises
     `- OperationFailed     the operation itself reports an error: `status`, `message`, `outputs`

A wrong argument (unknown input of an operation, a value that does not fit its type) is a ValueError and is found before
anything is sent: BaSyx 2.0.0-milestone-05 stores "abc" in an xs:double without a word.

An idShort path is written as in the API: "Segments.InternalSegment.Records.Record0001", "ActiveAlerts[0].AlertState".

Writes may be conditional (RFC 9110, section 13): `tagged_submodel`, `tagged_element` and `tagged_attachment` give the
ETag beside the content, and a write with it as `if_match` is done only while it still holds. This project's environment
knows ETags; any other gives none (a tag of None), and such a write is done in any case: the last one wins. Besides, a
request may depend on an element that it does not name (`only_while`; header If of RFC 4918, section 10.4).
"""

import base64
import io
import json
import math
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import requests
import urllib3
from pydantic_core import to_json
from requests.hooks import default_hooks
from requests.structures import CaseInsensitiveDict
from requests.utils import requote_uri

from aasx.elements import build, values
from aasx.elements.shape import Foreign, Shape, read

PAGE_SIZE = 100  # BaSyx's own default for lists
VALUES_PAGE = 500  # elements of a large collection in the value-only form
PART_BYTES = 1 << 16
NOT_MODIFIED = 304
NO_TAG = '"none"'
WHOLE_ANSWER = 3
MOST_KNOWN_FILES = 10_000


class AasError(Exception):
    """Base of all failures of the gateway."""

    remedy = "look into the log of the AAS environment"


class Unreachable(AasError):
    remedy = "start the AAS environment, or give its address in TWIN_BASYX_URL"


class TimedOut(Unreachable):
    remedy = "try again; if it happens often, look at the load of the AAS environment"


class NotFound(AasError):
    remedy = "check the name; load the twin if it is not loaded yet"


class Conflict(AasError):
    remedy = "choose another name, or remove what exists"


class Changed(AasError):
    remedy = "read it again and decide anew"


class Refused(AasError):
    remedy = "the request is not accepted as it is; the message says why"


class ServerFault(AasError):
    pass


class DelegateFailed(ServerFault):
    remedy = "start the delegate of the operations, or point the operations to it (scripts/load_twin.py --delegate-url)"


class BadAnswer(AasError):
    remedy = "check that the address is one of an AAS environment"


class OperationFailed(AasError):
    """An operation answered with another Status than "ok". `outputs` holds all its outputs."""

    remedy = "the message says what to change"

    def __init__(self, status: str, message: str, outputs: dict[str, Any]):
        super().__init__(f"{status}: {message}")
        self.status, self.message, self.outputs = status, message, outputs


@dataclass(frozen=True)
class Seen:
    """An element, or a whole submodel, as it was when it had this ETag."""

    submodel_id: str
    path: str | None
    """None for the submodel as a whole."""
    tag: str


class AasClient:
    """One AAS environment. All calls are thread-safe; each thread has its own connection, which is kept open.

    `timeout_s` bounds the wait for a connection and for each part of an answer, `WHOLE_ANSWER` times it the whole.
    """

    def __init__(self, base_url: str, timeout_s: float = 10.0):
        self.base_url = base_url.rstrip("/")
        self.timeout_s = timeout_s
        self.on_answer: Callable[[requests.Response], None] | None = None
        """Is given every answer as it came, also one that becomes an error; for a reader who wants to see them."""
        self._is_beside_us = _is_beside_us(self.base_url)
        self._is_plain = self._is_beside_us and urlsplit(self.base_url).username is None
        self._of_thread = threading.local()
        self._value_types: dict[tuple[str, str], str] = {}
        self._operations: dict[tuple[str, str], dict] = {}
        self._with_content: set[tuple[str, str]] = set()
        self._takes_parts: bool | None = None

    # --- shells

    def shells(self) -> Iterator[dict]:
        """All shells, page after page as they are taken."""
        return self._pages("/shells")

    def shells_page(self, cursor: str = "") -> tuple[list[dict], str]:
        """Some shells, and the cursor of the next page, "" after the last one."""
        return self._page("/shells", cursor)

    def shell(self, shell_id: str) -> dict:
        return self._json("GET", _shell(shell_id))

    def put_shell(self, shell: dict, new: bool = False) -> None:
        """Create the shell, or replace the one with its id; `new`: there is hardly one, so that creating is tried
        first, which is one request instead of two."""
        self._put_identifiable("/shells", shell, new)

    def delete_shell(self, shell_id: str) -> None:
        self._send("DELETE", _shell(shell_id))

    # --- submodels

    def submodels(self) -> list[dict]:
        """All submodels, page after page, with all they hold."""
        return list(self._pages("/submodels"))

    def submodel(self, submodel_id: str) -> dict:
        return self._json("GET", _submodel(submodel_id))

    def has_submodel(self, submodel_id: str) -> bool:
        """Whether it is there; what it holds is not read."""
        try:
            self._json("GET", _submodel(submodel_id) + "/$metadata")
        except NotFound:
            return False
        return True

    def tagged_submodel(self, submodel_id: str) -> tuple[dict, str | None]:
        """The submodel with its ETag, None from a server without."""
        answer = self._send("GET", _submodel(submodel_id))
        return self._object(answer), _tag(answer)

    def submodel_value(self, submodel_id: str) -> dict:
        """The value-only form (`$value`) as the server gives it: every value is text."""
        return self._json("GET", _submodel(submodel_id) + "/$value")

    def read_submodel(self, submodel_id: str, shape: Shape, noted: list[Foreign] | None = None) -> dict[str, Any]:
        """The submodel's values as `shape` expects them; what is foreign is noted (see aasx.elements.shape).

        Read in the value-only form, which is small, or, where the server gives none because of what stands there
        (BaSyx 2.0.0-milestone-05 does so for a reference without value), as a whole.
        """
        return self.read_tagged_submodel(submodel_id, shape, noted)[0]

    def read_tagged_submodel(
        self, submodel_id: str, shape: Shape, noted: list[Foreign] | None = None
    ) -> tuple[dict[str, Any], str | None]:
        """The same with the submodel's ETag, None from a server without."""
        try:
            answer = self._send("GET", _submodel(submodel_id) + "/$value")
            content = self._object(answer)
        except (Refused, ServerFault, BadAnswer):
            answer = self._send("GET", _submodel(submodel_id))
            content = self._object(answer)
        return read(content, shape, noted), _tag(answer)

    def submodel_tag(self, submodel_id: str) -> str | None:
        """The submodel's ETag alone; None from a server without."""
        return _tag(self._send("GET", _submodel(submodel_id) + "/$metadata"))

    def put_submodel(self, submodel: dict, if_match: str | None = None, new: bool = False) -> str | None:
        """Create the submodel, or replace the one with its id; with `if_match` replace that version only.

        `new` as of `put_shell`. Returns the new ETag, None from a server without.
        """
        if if_match is None:
            answer = self._put_identifiable("/submodels", submodel, new)
        else:
            answer = self._send("PUT", _submodel(submodel["id"]), json_body=submodel, if_match=if_match)
        return _tag(answer)

    def takes_parts(self, submodel_id: str) -> bool:
        """Whether the server minds `only_while` and so, being this project's, knows `patch_submodel`; asked until it
        has answered, with a read under a condition that does not hold."""
        if self._takes_parts is None:
            try:
                self._send("GET", _submodel(submodel_id) + "/$metadata", only_while=Seen(submodel_id, None, NO_TAG))
                self._takes_parts = False
            except Changed:
                self._takes_parts = True
            except Refused:
                self._takes_parts = False
            except (NotFound, ServerFault):
                return False
        return self._takes_parts

    def patch_submodel(
        self, submodel_id: str, elements: Sequence[dict], if_match: str | None = None, only_while: Seen | None = None
    ) -> str | None:
        """Put these elements in the place of those of the same idShort in one step; what stands beside them stays, in
        collections at any depth too (IDTA-01002 part 2, PatchSubmodelById; see `takes_parts`).

        Returns the new ETag of the submodel, which its elements that were given have as well.
        """
        body = {"modelType": "Submodel", "id": submodel_id, "submodelElements": elements}
        address = _submodel(submodel_id)
        return _tag(self._send("PATCH", address, json_body=body, if_match=if_match, only_while=only_while))

    def delete_submodel(self, submodel_id: str) -> None:
        self._send("DELETE", _submodel(submodel_id))

    # --- submodel elements

    def element(self, submodel_id: str, path: str) -> dict:
        return self._json("GET", _element(submodel_id, path))

    def tagged_element(self, submodel_id: str, path: str) -> tuple[dict, str | None]:
        """The element with its ETag, which covers all that is in it; None from a server without."""
        answer = self._send("GET", _element(submodel_id, path))
        element = self._object(answer)
        if "modelType" not in element:
            raise BadAnswer(f"{self.base_url} answered no element for {path}")
        return element, _tag(answer)

    def is_unchanged(self, submodel_id: str, path: str, tag: str, only_while: Seen | None = None) -> bool:
        """Whether the element with all that is in it is still the one of this ETag; False from a server that cannot
        tell (RFC 9110, section 13.1.2)."""
        answer = self._send("GET", _element(submodel_id, path), if_none_match=tag, only_while=only_while)
        return answer.status_code == NOT_MODIFIED

    def element_value(self, submodel_id: str, path: str) -> Any:
        """The element's value in Python types, see aasx.elements.values.to_value."""
        return values.to_value(self.element(submodel_id, path))

    def value_pages(self, submodel_id: str, path: str) -> Iterator[dict]:
        """The value-only form of a collection, some of its elements at a time.

        This project's environment gives large collections so (header Link, RFC 8288), any other gives one page.
        """
        address = f"{_element(submodel_id, path)}/$value"
        query, seen = f"limit={VALUES_PAGE}", set()
        while query and query not in seen:
            seen.add(query)
            answer = self._send("GET", f"{address}?{query}")
            yield self._object(answer)
            query = urlsplit(answer.links.get("next", {}).get("url", "")).query

    def read_element(self, submodel_id: str, path: str, shape: Shape, noted: list[Foreign] | None = None) -> Any:
        """The element's value as `shape` expects it; what is foreign is noted (see aasx.elements.shape)."""
        return self.read_tagged(submodel_id, path, shape, noted)[0]

    def read_tagged(
        self, submodel_id: str, path: str, shape: Shape, noted: list[Foreign] | None = None
    ) -> tuple[Any, str | None]:
        """The same with the element's ETag, None from a server without."""
        element, tag = self.tagged_element(submodel_id, path)
        return read(element, shape, noted, path), tag

    def set_value(
        self, submodel_id: str, path: str, value: Any, if_match: str | None = None, only_while: Seen | None = None
    ) -> str | None:
        """Write the value of a Property, with `if_match` of that version only; None takes the value away.

        Returns the element's new ETag, None from a server without. Raises ValueError when the value does not fit the
        Property's type (the type is read once and remembered).
        """
        key = (submodel_id, path)
        if key not in self._value_types or value is None:
            element = self.element(submodel_id, path)
            if element.get("modelType") != "Property":
                raise ValueError(f"{path} is a {element.get('modelType')}, not a Property")
            self._value_types[key] = element["valueType"]
            if value is None:
                return self.put_element(submodel_id, path, values.with_value(element, None), if_match, only_while)
        text, address = values.to_text(value, self._value_types[key]), _element(submodel_id, path) + "/$value"
        return _tag(self._send("PATCH", address, json_body=text, if_match=if_match, only_while=only_while))

    def put_element(
        self,
        submodel_id: str,
        path: str,
        element: dict,
        if_match: str | None = None,
        only_while: Seen | None = None,
    ) -> str | None:
        """Replace an element with all its content; NotFound when there is none. Returns the new ETag, if any."""
        address = _element(submodel_id, path)
        return _tag(self._send("PUT", address, json_body=element, if_match=if_match, only_while=only_while))

    def patch_element(self, submodel_id: str, path: str, element: dict, if_match: str | None = None) -> str | None:
        """Put what the given collection holds into the one at the path (IDTA-01002 part 2, PatchSubmodelElementByPath;
        see `patch_submodel` and `takes_parts`); NotFound when there is none. Returns the new ETag of the element."""
        return _tag(self._send("PATCH", _element(submodel_id, path), json_body=element, if_match=if_match))

    def append_element(self, submodel_id: str, path: str | None, element: dict, only_while: Seen | None = None) -> None:
        """Add an element into the collection or list at `path`, or into the submodel itself when `path` is None."""
        address = _submodel(submodel_id) + "/submodel-elements" if path is None else _element(submodel_id, path)
        self._send("POST", address, json_body=element, only_while=only_while)

    def delete_element(self, submodel_id: str, path: str, if_match: str | None = None) -> None:
        self._send("DELETE", _element(submodel_id, path), if_match=if_match)

    # --- operations

    def invoke(
        self, submodel_id: str, path: str, inputs: dict[str, Any], timeout_s: float | None = None
    ) -> dict[str, Any]:
        """Invoke an operation and return its outputs in Python types.

        `inputs` are Python values by idShort; None is the same as not given; a list variable of collections takes a
        list of dicts. Raises ValueError for an input the operation does not declare or a value that does not fit,
        OperationFailed when the output Status is not "ok".
        """
        operation = self._operation(submodel_id, path)
        declared = {
            variable["value"]["idShort"]: variable["value"] for variable in operation.get("inputVariables") or []
        }
        arguments = []
        for name, value in inputs.items():
            if name not in declared:
                raise ValueError(f"{path} has no input {name!r}; it has {', '.join(declared)}")
            if value is not None:
                try:
                    arguments.append({"value": build.argument(declared[name], value)})
                except KeyError as error:
                    raise ValueError(f"input {name} of {path} has no part {error}") from error
                except ValueError as error:
                    raise ValueError(f"input {name} of {path}: {error}") from error
        limit_s = math.ceil(timeout_s or self.timeout_s)
        body = {"inputArguments": arguments, "inoutputArguments": [], "clientTimeoutDuration": f"PT{limit_s}S"}
        try:
            answer = self._json("POST", _element(submodel_id, path) + "/invoke", json_body=body, timeout_s=timeout_s)
        except ServerFault as error:  # of BaSyx 424 when the delegate fails, 500 when nobody answers at its address
            raise DelegateFailed(str(error)) from error
        try:
            outputs = values.variables_to_value(answer.get("outputArguments") or [])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadAnswer(f"{path} answered something else than operation variables: {error!r}") from error
        if "Status" not in outputs:
            raise BadAnswer(f"{path} answered without a Status")
        if outputs["Status"] != "ok":
            raise OperationFailed(outputs["Status"], outputs.get("Message") or "", outputs)
        return outputs

    def _operation(self, submodel_id: str, path: str) -> dict:
        key = (submodel_id, path)
        if key not in self._operations:
            operation = self.element(submodel_id, path)
            if operation.get("modelType") != "Operation":
                raise ValueError(f"{path} is a {operation.get('modelType')}, not an Operation")
            self._operations[key] = operation
        return self._operations[key]

    # --- files

    def attachment(self, submodel_id: str, path: str, timeout_s: float | None = None) -> bytes:
        """Content of a File element. Raises NotFound where there is none."""
        return self._attachment(submodel_id, path, timeout_s).content

    def tagged_attachment(self, submodel_id: str, path: str) -> tuple[bytes, str | None]:
        """Content of a File element with the ETag of the element, None from a server without."""
        answer = self._attachment(submodel_id, path)
        return answer.content, _tag(answer)

    def _attachment(self, submodel_id: str, path: str, timeout_s: float | None = None) -> requests.Response:
        try:
            return self._send("GET", _element(submodel_id, path) + "/attachment", timeout_s=timeout_s)
        except (ServerFault, Refused) as error:  # BaSyx 2.0.0-milestone-14 answers 500 for a File without content
            if not self.element(submodel_id, path).get("value"):
                raise NotFound(f"{path} has no content ({error})") from error
            raise

    def put_attachment(
        self,
        submodel_id: str,
        path: str,
        filename: str,
        content: bytes,
        content_type: str,
        if_match: str | None = None,
        timeout_s: float | None = None,
        only_while: Seen | None = None,
    ) -> str | None:
        """Write the content of a File element, also of one that had none (BaSyx fails when it has no value yet).

        Returns the element's new ETag, None from a server without.
        """
        key, part = (submodel_id, path), (filename, content, content_type)
        if key in self._with_content:  # written before: whether there is some need not be asked again
            try:
                return self._put_content(submodel_id, path, part, if_match, timeout_s, only_while)
            except (NotFound, Refused, ServerFault):
                self._with_content.discard(key)
        element = self.element(submodel_id, path)
        if not element.get("value"):
            tag = self.put_element(submodel_id, path, element | {"value": filename}, if_match, only_while)
            if_match = tag if if_match else None
        new_tag = self._put_content(submodel_id, path, part, if_match, timeout_s, only_while)
        if len(self._with_content) >= MOST_KNOWN_FILES:
            self._with_content.clear()
        self._with_content.add(key)
        return new_tag

    def _put_content(
        self,
        submodel_id: str,
        path: str,
        part: tuple[str, bytes, str],
        if_match: str | None,
        timeout_s: float | None,
        only_while: Seen | None,
    ) -> str | None:
        answer = self._send(
            "PUT",
            _element(submodel_id, path) + "/attachment",
            files={"file": part},
            form={"fileName": part[0]},
            timeout_s=timeout_s,
            if_match=if_match,
            only_while=only_while,
        )
        return _tag(answer)

    def delete_attachment(self, submodel_id: str, path: str) -> None:
        """Take the content of a File element away; the element stays. Raises NotFound where there is none."""
        self._send("DELETE", _element(submodel_id, path) + "/attachment")

    def thumbnail(self, shell_id: str) -> bytes:
        """Picture of the shell's asset."""
        return self._send("GET", _shell(shell_id) + "/asset-information/thumbnail").content

    def put_thumbnail(self, shell_id: str, filename: str, content: bytes, content_type: str) -> None:
        self._send(
            "PUT",
            _shell(shell_id) + "/asset-information/thumbnail",
            files={"file": (filename, content, content_type)},
            form={"fileName": filename},
        )

    # --- concept descriptions

    def concept_descriptions(self) -> list[dict]:
        return list(self._pages("/concept-descriptions"))

    def put_concept_description(self, concept_description: dict, new: bool = False) -> None:
        """`new` as of `put_shell`."""
        self._put_identifiable("/concept-descriptions", concept_description, new)

    def delete_concept_description(self, concept_id: str) -> None:
        self._send("DELETE", f"/concept-descriptions/{_base64url(concept_id)}")

    def alive(self) -> bool:
        """True when an AAS environment answers at the address."""
        try:
            self._json("GET", "/shells?limit=1", timeout_s=min(self.timeout_s, 3.0))
        except AasError:
            return False
        return True

    # --- how requests are sent

    def _pages(self, path: str) -> Iterator[dict]:
        cursor, seen = "", set()
        while cursor not in seen:
            seen.add(cursor)
            page, cursor = self._page(path, cursor)
            yield from page
            if not cursor:
                return
        raise BadAnswer(f"{self.base_url}{path} answered the same page twice")

    def _page(self, path: str, cursor: str) -> tuple[list[dict], str]:
        after = f"&cursor={quote(cursor, safe='')}" if cursor else ""
        page = self._json("GET", f"{path}?limit={PAGE_SIZE}{after}")
        if not isinstance(page.get("result"), list):
            raise BadAnswer(f"{self.base_url}{path} did not answer with a page of results")
        return page["result"], (page.get("paging_metadata") or {}).get("cursor") or ""

    def _put_identifiable(self, collection: str, identifiable: dict, new: bool) -> requests.Response:
        create, replace = ("POST", collection), ("PUT", f"{collection}/{_base64url(identifiable['id'])}")
        first, second = (create, replace) if new else (replace, create)
        try:
            return self._send(*first, json_body=identifiable)
        except (NotFound, Conflict):
            return self._send(*second, json_body=identifiable)

    def _json(self, method: str, path: str, json_body: Any = None, timeout_s: float | None = None) -> dict:
        return self._object(self._send(method, path, json_body=json_body, timeout_s=timeout_s))

    @staticmethod
    def _object(answer: requests.Response) -> dict:
        where = f"{answer.request.method} {answer.url}"
        try:
            content = answer.json()
        except requests.JSONDecodeError as error:
            raise BadAnswer(f"{where} did not answer JSON") from error
        if not isinstance(content, dict):
            raise BadAnswer(f"{where} did not answer a JSON object")
        return content

    def _send(
        self,
        method: str,
        path: str,
        json_body: Any = None,
        files: dict | None = None,
        form: dict | None = None,
        timeout_s: float | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
        only_while: Seen | None = None,
    ) -> requests.Response:
        if not hasattr(self._of_thread, "session"):
            self._of_thread.session = requests.Session()
            self._of_thread.session.trust_env = not self._is_beside_us
        session: requests.Session = self._of_thread.session
        body = None if json_body is None else _json_of(json_body)
        limit_s = timeout_s or self.timeout_s
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if if_match is not None:
            headers["If-Match"] = if_match
        if if_none_match is not None:
            headers["If-None-Match"] = if_none_match
        if only_while is not None:
            seen, place = only_while, _submodel(only_while.submodel_id)
            address = place if seen.path is None else _element(seen.submodel_id, seen.path)
            headers["If"] = f"<{address}> ([{seen.tag}])"
        try:
            if self._is_plain and form is None and files is None:
                answer = _sent(session, method, self.base_url + path, headers, body, limit_s)
            else:
                answer = session.request(
                    method,
                    self.base_url + path,
                    data=form if body is None else body,
                    files=files,
                    headers=headers,
                    timeout=limit_s,
                    allow_redirects=False,
                    stream=True,
                )
            _read(answer, WHOLE_ANSWER * limit_s)
            if self.on_answer is not None:
                self.on_answer(answer)
        except (requests.Timeout, urllib3.exceptions.TimeoutError) as error:
            raise TimedOut(f"{method} {self.base_url}{path}: no answer in {limit_s:g} s") from error
        except requests.ConnectionError as error:
            raise Unreachable(f"nothing answers at {self.base_url}") from error
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise BadAnswer(f"{method} {self.base_url}{path}: {error}") from error
        if answer.status_code < 300 or (answer.status_code == NOT_MODIFIED and if_none_match is not None):
            return answer
        raise _error_class(answer.status_code)(f"{method} {answer.url}: {answer.status_code} {server_message(answer)}")


def _sent(
    session: requests.Session, method: str, url: str, headers: dict[str, str], body: bytes | None, limit_s: float
) -> requests.Response:
    """The answer of a server beside us. It needs no proxy, cookie or password, and to look for them takes longer than
    all else that requests does for such a request."""
    request = requests.PreparedRequest()
    request.method, request.url, request.body, request.hooks = method, requote_uri(url), body, default_hooks()
    length = {} if method == "GET" else {"Content-Length": str(len(body or b""))}
    request.headers = CaseInsensitiveDict({**session.headers, **headers, **length})
    begun = time.perf_counter()
    answer = session.get_adapter(url).send(request, stream=True, timeout=limit_s)
    answer.elapsed = timedelta(seconds=time.perf_counter() - begun)
    return answer


def _json_of(content: Any) -> bytes:
    """The body of a request. Raises ValueError for a number that is none, and for half a character."""
    text = to_json(content, inf_nan_mode="constants")
    if b"NaN" in text or b"Infinity" in text:  # maybe in a text only
        json.dumps(content, allow_nan=False)
    return text


def _read(answer: requests.Response, limit_s: float) -> None:
    """Reads the body. Raises TimedOut if it is not whole in time, however steadily it trickles."""
    parts, until = [], time.monotonic() + limit_s
    while part := answer.raw.read1(PART_BYTES, decode_content=True):
        parts.append(part)
        if time.monotonic() > until:
            answer.close()
            raise TimedOut(f"{answer.request.method} {answer.url}: no whole answer in {limit_s:g} s")
    answer.raw = io.BytesIO(b"".join(parts))


def _is_beside_us(base_url: str) -> bool:
    """True for this machine and for hosts of the same container network: no proxy lies between."""
    host = urlsplit(base_url).hostname or ""
    return re.fullmatch(r"127(\.\d+){3}|::1|[^.:]+", host) is not None


def _tag(answer: requests.Response) -> str | None:
    """The ETag, if it is one that a write may depend on (RFC 9110, section 8.8.1: a weak one is not)."""
    tag = answer.headers.get("ETag")
    return tag if tag and not tag.startswith("W/") else None


def _error_class(status: int) -> type[AasError]:
    known: dict[int, type[AasError]] = {404: NotFound, 409: Conflict, 412: Changed, 424: DelegateFailed}
    if status in known:
        return known[status]
    return ServerFault if status >= 500 else Refused if status >= 400 else BadAnswer


def server_message(answer: requests.Response) -> str:
    """The text of an AAS Result, which some servers give as a bare list, or the beginning of whatever was answered."""
    try:
        content = answer.json()
        messages = content if isinstance(content, list) else content["messages"]
        return "; ".join(message["text"] for message in messages)
    except (requests.JSONDecodeError, KeyError, TypeError):
        return answer.text[:200]


def _base64url(identifier: str) -> str:
    return base64.urlsafe_b64encode(identifier.encode("utf-8")).decode("ascii").rstrip("=")


def _shell(shell_id: str) -> str:
    return f"/shells/{_base64url(shell_id)}"


def _submodel(submodel_id: str) -> str:
    return f"/submodels/{_base64url(submodel_id)}"


def _element(submodel_id: str, path: str) -> str:
    return f"{_submodel(submodel_id)}/submodel-elements/{quote(path, safe='.')}"
