"""The gateway against made-up answers; what a real BaSyx answers is tested in test_live_twin.py."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
import requests
import responses
from responses.matchers import header_matcher, query_param_matcher

from aasx.client import (
    AasClient,
    AasError,
    BadAnswer,
    Changed,
    Conflict,
    DelegateFailed,
    NotFound,
    OperationFailed,
    Refused,
    Seen,
    ServerFault,
    TimedOut,
    Unreachable,
)
from aasx.elements import build, values
from aasx.submodels.operation_variables import OPERATIONS, operation

URL = "http://basyx.example:8081"
SM = "https://x.example/sm"
SM64 = base64.urlsafe_b64encode(SM.encode()).decode().rstrip("=")


@pytest.fixture
def client() -> AasClient:
    return AasClient(URL + "/")


@pytest.fixture
def server():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/shells?limit=5&cursor=a b%20c", None), ("PATCH", "/x/%C3%BC%5B0%5D", {"a": "é"}), ("POST", "/x", {}),
        ("POST", "/x", None), ("PUT", "/x", "text"), ("DELETE", "/x", None),
    ],
)  # fmt: skip
def test_a_server_beside_us_is_asked_as_any_other(server, method: str, path: str, body: Any) -> None:
    sent = []
    for host in ("localhost:8081", "127.0.0.1:8081", "twin.example.org:8081"):
        server.add(method, re.compile(f"http://{host}/.*"), status=204)
        AasClient(f"http://{host}")._send(method, path, json_body=body, if_match='"1"')
        request = server.calls[-1].request
        sent.append((request.method, request.path_url, request.body, dict(request.headers)))
    assert sent[0] == sent[1] == sent[2]


def test_user_and_password_of_an_address_are_sent(server) -> None:
    server.get(re.compile("http://.*localhost:8081/x"), status=204)
    AasClient("http://ada:secret@localhost:8081")._send("GET", "/x")
    assert server.calls[-1].request.headers["Authorization"] == "Basic YWRhOnNlY3JldA=="


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, NotFound), (409, Conflict), (412, Changed), (400, Refused), (401, Refused), (424, DelegateFailed),
        (424, ServerFault), (500, ServerFault), (503, ServerFault), (302, BadAnswer),
    ],
)  # fmt: skip
def test_every_status_has_its_error(client: AasClient, server, status: int, error: type[AasError]) -> None:
    server.get(f"{URL}/submodels/{SM64}", status=status, json={"messages": [{"text": "because"}]})
    with pytest.raises(error, match=f"{status} because") as caught:
        client.submodel(SM)
    assert isinstance(caught.value, AasError) and caught.value.remedy


def test_nobody_there_and_no_answer_in_time(client: AasClient, server) -> None:
    server.get(f"{URL}/submodels/{SM64}", body=requests.ConnectionError("refused"))
    with pytest.raises(Unreachable, match="nothing answers") as caught:
        client.submodel(SM)
    assert not isinstance(caught.value, TimedOut)
    assert client.alive() is False


def test_a_silent_server_ends_in_time_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = AasClient(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.2)
        with pytest.raises(TimedOut, match=r"no answer in 0\.2 s"):
            client.submodel(SM)


def answering(parts: Iterable[bytes]) -> socket.socket:
    """A server that sends these parts to the first who asks, then closes; it is to be closed after use."""
    listening = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        with contextlib.suppress(OSError):
            connection = listening.accept()[0]
            with connection:
                connection.recv(65536)
                for part in parts:
                    connection.sendall(part)

    threading.Thread(target=answer, daemon=True).start()
    return listening


def trickle() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
    while True:
        time.sleep(0.02)
        yield b" "


def test_an_answer_that_trickles_without_end_ends_in_time_out() -> None:
    with answering(trickle()) as slow:
        client = AasClient(f"http://127.0.0.1:{slow.getsockname()[1]}", timeout_s=0.1)
        with pytest.raises(TimedOut, match=r"no whole answer in 0\.3 s"):
            client.submodel(SM)


@pytest.mark.parametrize(
    "cut",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\nhalf",
    ],
)
def test_an_attachment_cut_off_is_not_taken_for_whole(cut: bytes) -> None:
    with answering([cut]) as cutting:
        client = AasClient(f"http://127.0.0.1:{cutting.getsockname()[1]}", timeout_s=1.0)
        with pytest.raises(BadAnswer):
            client.attachment(SM, "File")


@pytest.mark.parametrize("body", ["<html>", "[]", "null"])
def test_answers_that_are_no_aas(client: AasClient, server, body: str) -> None:
    server.get(f"{URL}/submodels/{SM64}", body=body)
    with pytest.raises(BadAnswer):
        client.submodel(SM)


def test_lists_are_read_page_after_page(client: AasClient, server) -> None:
    first = {"result": [{"id": "a"}], "paging_metadata": {"cursor": "a/&"}}
    last = {"result": [{"id": "b"}], "paging_metadata": {}}
    server.get(f"{URL}/shells", json=first, match=[query_param_matcher({"limit": "100"})])
    server.get(f"{URL}/shells", json=last, match=[query_param_matcher({"limit": "100", "cursor": "a/&"})])
    assert [shell["id"] for shell in client.shells()] == ["a", "b"]


def test_put_creates_what_does_not_exist(client: AasClient, server) -> None:
    server.put(f"{URL}/submodels/{SM64}", status=404, json={})
    created = server.post(f"{URL}/submodels", status=201, json={})
    client.put_submodel({"id": SM, "idShort": "Prédiction"})
    assert json.loads(created.calls[0].request.body)["idShort"] == "Prédiction"


@pytest.mark.parametrize(("status", "replaced"), [(201, 0), (409, 1)])
def test_what_is_said_to_be_new_is_created_at_once(client: AasClient, server, status: int, replaced: int) -> None:
    created = server.post(f"{URL}/submodels", status=status, json={})
    put = server.put(f"{URL}/submodels/{SM64}", status=204)
    client.put_submodel({"id": SM}, new=True)
    assert (created.call_count, put.call_count) == (1, replaced)


def test_paths_of_list_items_are_encoded(client: AasClient, server) -> None:
    element = build.property_element("x", "open", "xs:string")
    server.get(f"{URL}/submodels/{SM64}/submodel-elements/ActiveAlerts%5B0%5D.AlertState", json=element)
    assert client.element_value(SM, "ActiveAlerts[0].AlertState") == "open"


def test_set_value_sends_text_and_checks_the_type_before(client: AasClient, server) -> None:
    address = f"{URL}/submodels/{SM64}/submodel-elements/RUL"
    read = server.get(address, json=build.property_element("RUL", 1.0, "xs:double"))
    patched = server.patch(f"{address}/$value", status=204)
    client.set_value(SM, "RUL", 42.5)
    client.set_value(SM, "RUL", 43)
    assert [json.loads(call.request.body) for call in patched.calls] == ["42.5", "43.0"]
    assert read.call_count == 1, "the type is read once"
    with pytest.raises(ValueError, match="xs:double"):
        client.set_value(SM, "RUL", "soon")
    assert patched.call_count == 2


def test_what_other_servers_answer_is_understood(client: AasClient, server) -> None:
    """As BaSyx Go 1.0.9 (a Result as a bare list) and BaSyx Java 2.0.0-milestone-14 (500 for no file) answer."""
    message = {
        "code": "409", "correlationId": "SMREPO-409-PostSubmodelElementByPathSubmodelRepo-Conflict-Conflict",
        "messageType": "Error", "text": "409 Conflict: SMREPO-INSSME-CONFLICT Duplicate submodel element",
        "timestamp": "2026-08-01 10:00:00",
    }  # fmt: skip
    server.post(f"{URL}/submodels/{SM64}/submodel-elements/Records", status=409, json=[message])
    with pytest.raises(Conflict, match=r"409 409 Conflict: SMREPO-INSSME-CONFLICT Duplicate submodel element$"):
        client.append_element(SM, "Records", {})
    server.get(f"{URL}/submodels/{SM64}/submodel-elements/File/attachment", status=500, json={"status": 500})
    server.get(f"{URL}/submodels/{SM64}/submodel-elements/File", json={"modelType": "File"})
    with pytest.raises(NotFound, match="File has no content"):
        client.attachment(SM, "File")
    server.replace(
        "GET", f"{URL}/submodels/{SM64}/submodel-elements/File", json={"modelType": "File", "value": "a.csv"}
    )
    with pytest.raises(ServerFault):
        client.attachment(SM, "File")


def test_set_value_none_takes_the_value_away(client: AasClient, server) -> None:
    address = f"{URL}/submodels/{SM64}/submodel-elements/RUL"
    server.get(address, json=build.property_element("RUL", 1.0, "xs:double"))
    written = server.put(address, status=204)
    client.set_value(SM, "RUL", None)
    assert json.loads(written.calls[0].request.body) == build.property_element("RUL", None, "xs:double")


def declared(name: str) -> dict:
    return build.to_json(operation(OPERATIONS[name], "http://delegate.example", "B0005"))


def answer(**outputs: Any) -> dict:
    types = {str: "xs:string", float: "xs:double", int: "xs:int", bool: "xs:boolean"}
    arguments = [{"value": build.property_element(name, value, types[type(value)])} for name, value in outputs.items()]
    return {"success": True, "outputArguments": arguments}


def invoke(client: AasClient, server, name: str, inputs: dict, reply: dict) -> tuple[dict, list[dict]]:
    """Outputs of an invocation, and the arguments that were sent."""
    address = f"{URL}/submodels/{SM64}/submodel-elements/{name}"
    server.get(address, json=declared(name))
    sent = server.post(f"{address}/invoke", json=reply)
    outputs = client.invoke(SM, name, inputs)
    body = json.loads(sent.calls[0].request.body)
    assert body["inoutputArguments"] == []
    assert body["clientTimeoutDuration"] == "PT10S"  # a server that has a time-out of its own takes this one
    return outputs, [argument["value"] for argument in body["inputArguments"]]


def test_invoke_sends_declared_types_and_returns_python_values(client: AasClient, server) -> None:
    reply = answer(Status="ok", RUL=42.5, EndOfLifeCycle=125, OutsideTrainingRange=False)
    outputs, sent = invoke(
        client, server, "Predict", {"AtCycle": 80, "ConfidenceLevel": 1, "EndOfLifeCapacity": None}, reply
    )
    assert sent == [
        {"modelType": "Property", "idShort": "AtCycle", "valueType": "xs:int", "value": "80"},
        {"modelType": "Property", "idShort": "ConfidenceLevel", "valueType": "xs:double", "value": "1.0"},
    ]
    assert outputs == {"Status": "ok", "RUL": 42.5, "EndOfLifeCycle": 125, "OutsideTrainingRange": False}


def test_invoke_sends_lists_of_collections(client: AasClient, server) -> None:
    phases = [{"Cycles": 50, "ambient_temperature": 24}, {"Cycles": 20, "DischargeCurrent": None}]
    _, (sent,) = invoke(client, server, "SimulateWhatIf", {"Phases": phases}, answer(Status="ok"))
    assert values.to_value(sent) == [{"Cycles": 50, "ambient_temperature": 24.0}, {"Cycles": 20}]
    assert sent["typeValueListElement"] == "SubmodelElementCollection"
    assert all("idShort" not in item for item in sent["value"])


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"AtCicle": 1}, "no input 'AtCicle'"),
        ({"AtCycle": 1.5}, "AtCycle of Predict: 1.5 is not an xs:int"),
        ({"ConfidenceLevel": float("nan")}, "finite"),
    ],
)
def test_invoke_refuses_wrong_inputs_before_sending(client: AasClient, server, inputs: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        invoke(client, server, "Predict", inputs, answer(Status="ok"))
    assert all(call.request.method == "GET" for call in server.calls)


def test_invoke_refuses_unknown_parts_of_collections(client: AasClient, server) -> None:
    with pytest.raises(ValueError, match="Phases of SimulateWhatIf has no part 'Cycle'"):
        invoke(client, server, "SimulateWhatIf", {"Phases": [{"Cycle": 1}]}, answer(Status="ok"))


def test_a_failed_operation_raises_with_all_outputs(client: AasClient, server) -> None:
    reply = answer(Status="invalidInput", Message="AtCycle must lie in 1..168", RequestId="r1")
    with pytest.raises(OperationFailed, match="invalidInput: AtCycle must") as caught:
        invoke(client, server, "Predict", {"AtCycle": 500}, reply)
    assert caught.value.status == "invalidInput" and caught.value.outputs["RequestId"] == "r1"


@pytest.mark.parametrize(
    "reply", [{"success": True}, answer(RUL=1.0), {"outputArguments": [{"value": {"idShort": "Status"}}]} | {"x": 1},
              {"outputArguments": [{"value": build.property_element("Status", "ok", "xs:string")}, {"value": "x"}]}]
)  # fmt: skip
def test_other_answers_of_an_operation_are_bad(client: AasClient, server, reply: dict) -> None:
    with pytest.raises((BadAnswer, OperationFailed)):
        invoke(client, server, "Predict", {}, reply)


def test_each_thread_has_its_own_connection(client: AasClient, server) -> None:
    server.get(f"{URL}/submodels/{SM64}", json={"id": SM})
    sessions = []

    def use() -> None:
        client.submodel(SM)
        client.submodel(SM)
        sessions.append(client._of_thread.session)

    threads = [threading.Thread(target=use) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(session) for session in sessions}) == 2


@pytest.mark.parametrize(
    ("url", "proxied"),
    [
        ("http://127.0.0.1:8081", False),
        ("http://localhost:8081", False),
        ("http://[::1]:8081", False),
        ("http://basyx:8081", False),
        ("http://basyx.plant.example:8081", True),
    ],
)
def test_proxies_are_used_only_for_hosts_further_away(server, url: str, proxied: bool) -> None:
    server.get(f"{url}/shells", json={"result": []})
    client = AasClient(url)
    assert [*client.shells()] == []
    assert client._of_thread.session.trust_env is proxied


def test_a_write_with_the_tag_of_what_was_read_is_for_that_version_only(client: AasClient, server) -> None:
    element = {"modelType": "Property", "idShort": "A", "valueType": "xs:string", "value": "1"}
    path = f"{URL}/submodels/{SM64}/submodel-elements/A"
    server.get(path, json=element, headers={"ETag": '"7"'})
    server.put(path, status=204, headers={"ETag": '"8"'}, match=[header_matcher({"If-Match": '"7"'})])
    server.put(path, status=412, match=[header_matcher({"If-Match": '"6"'})])
    assert client.tagged_element(SM, "A") == (element, '"7"')
    assert client.put_element(SM, "A", element, '"7"') == '"8"'
    with pytest.raises(Changed):
        client.put_element(SM, "A", element, '"6"')


def test_a_submodel_written_for_a_version_is_not_created_where_it_is_gone(client: AasClient, server) -> None:
    server.put(f"{URL}/submodels/{SM64}", status=404)
    with pytest.raises(NotFound):
        client.put_submodel({"id": SM, "modelType": "Submodel"}, '"1"')
    assert len(server.calls) == 1


def test_a_request_may_depend_on_an_element_that_it_does_not_name(client: AasClient, server) -> None:
    path, seen = f"{URL}/submodels/{SM64}/submodel-elements/A", Seen(SM, "B[0]", '"7"')
    condition = {"If": f'</submodels/{SM64}/submodel-elements/B%5B0%5D> (["7"])'}
    for method in ("GET", "PUT", "POST"):
        server.add(method, path, status=412, match=[header_matcher(condition)])
    for request in (
        lambda: client.is_unchanged(SM, "A", '"1"', seen),
        lambda: client.put_element(SM, "A", {}, only_while=seen),
        lambda: client.append_element(SM, "A", {}, seen),
    ):
        with pytest.raises(Changed):
            request()


@pytest.mark.parametrize(
    ("status", "takes", "asked"), [(412, True, 1), (200, False, 1), (400, False, 1), (404, False, 2), (503, False, 2)]
)
def test_whether_a_server_takes_parts_of_a_submodel_is_asked_until_it_answers(client, server, status, takes, asked):
    server.get(f"{URL}/submodels/{SM64}/$metadata", status=status, json={"messages": [{"text": "because"}]})
    assert client.takes_parts(SM) is client.takes_parts(SM) is takes
    assert len(server.calls) == asked


@pytest.mark.parametrize("headers", [{}, {"ETag": 'W/"7"'}])
def test_of_a_server_without_strong_tags_writes_go_unconditionally(client: AasClient, server, headers) -> None:
    server.get(f"{URL}/submodels/{SM64}", json={"id": SM}, headers=headers)
    server.put(f"{URL}/submodels/{SM64}", status=204)
    submodel, tag = client.tagged_submodel(SM)
    assert tag is None and client.put_submodel(submodel, tag) is None
    assert "If-Match" not in server.calls[-1].request.headers


def test_pages_that_turn_in_a_circle_end_with_an_error(client: AasClient, server) -> None:
    server.get(f"{URL}/shells", json={"result": [{"id": "x"}], "paging_metadata": {"cursor": "again"}})
    with pytest.raises(BadAnswer, match="same page"):
        list(client.shells())


def test_a_file_that_was_written_before_is_put_at_once_and_the_long_way_where_it_is_gone(client, server) -> None:
    path = f"{URL}/submodels/{SM64}/submodel-elements/F"
    file = {"modelType": "File", "idShort": "F", "contentType": "text/csv"}
    server.get(path, json=file | {"value": "f.csv"})
    server.put(f"{path}/attachment", status=204, headers={"ETag": '"1"'})

    def sent() -> list[str | None]:
        before = len(server.calls)
        assert client.put_attachment(SM, "F", "f.csv", b"1", "text/csv") == '"1"'
        return [call.request.method for call in server.calls][before:]

    assert sent() == ["GET", "PUT"] and sent() == ["PUT"]
    server.replace("PUT", f"{path}/attachment", status=500)
    server.replace("GET", path, json=file)
    server.put(path, status=204)
    with pytest.raises(ServerFault):
        sent()
    server.replace("PUT", f"{path}/attachment", status=204, headers={"ETag": '"1"'})
    assert sent() == ["GET", "PUT", "PUT"]
