"""What the tests of this folder say to a real AAS environment: plain HTTP, and AAS objects as the API takes them."""

from __future__ import annotations

import base64
from typing import Any

import requests


def encoded(identifier: str) -> str:
    return base64.urlsafe_b64encode(identifier.encode()).decode().rstrip("=")


class Session:
    """A connection to one environment; every path begins with a slash."""

    def __init__(self, url: str, timeout_s: float = 60):
        self._url, self._timeout_s = url, timeout_s
        self._session = requests.Session()

    def request(self, method: str, path: str, **arguments) -> requests.Response:
        path = path.replace("[", "%5B").replace("]", "%5D")
        return self._session.request(method, self._url + path, timeout=self._timeout_s, **arguments)

    def get(self, path: str) -> requests.Response:
        return self.request("GET", path)

    def must(self, method: str, path: str, **arguments) -> requests.Response:
        answer = self.request(method, path, **arguments)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text[:300]}"
        return answer

    def json(self, path: str):
        return self.must("GET", path).json()


def named(element: dict, id_short: str | None) -> dict:
    return element | ({"idShort": id_short} if id_short else {})


def prop(id_short: str | None, value: Any, value_type: str = "xs:string") -> dict:
    return named({"modelType": "Property", "valueType": value_type, "value": value}, id_short)


def file_element(id_short: str | None, value: str | None = None) -> dict:
    element = {"modelType": "File", "contentType": "text/csv"} | ({"value": value} if value else {})
    return named(element, id_short)


def collection(id_short: str | None, elements: Any) -> dict:
    return named({"modelType": "SubmodelElementCollection", "value": elements}, id_short)


def entity(id_short: str, elements: list[dict]) -> dict:
    return {"modelType": "Entity", "entityType": "CoManagedEntity", "idShort": id_short, "statements": elements}


def element_list(id_short: str, elements: list[dict], kind: str = "SubmodelElementCollection") -> dict:
    content = {"value": elements} if elements else {}
    return {"modelType": "SubmodelElementList", "idShort": id_short, "typeValueListElement": kind} | content


def record(text: str, properties: int = 12) -> dict:
    return collection(None, [prop(f"P{i}", text if i == 0 else str(i)) for i in range(properties)])


def submodel(identifier: str, elements: list[dict]) -> dict:
    content = {"submodelElements": elements} if elements else {}
    return {"modelType": "Submodel", "id": identifier, "idShort": "Test"} | content


def shell(identifier: str, text: str) -> dict:
    information = {"assetKind": "Instance", "globalAssetId": "urn:asset"}
    description = [{"language": "en", "text": text}]
    return {"modelType": "AssetAdministrationShell", "id": identifier, "assetInformation": information} | {
        "description": description
    }


def concept(identifier: str, text: str) -> dict:
    return {"modelType": "ConceptDescription", "id": identifier, "description": [{"language": "en", "text": text}]}
