"""The doors of the screen, on a real server: foreign names and pages, uploads by whom and how large, bombs in them."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

import pytest
import requests

from aasx.submodels.imports import MOST_FILE_BYTES
from dashboard.reading.twin import Trouble
from dashboard.views.record import read_description
from tests.doors import bombs
from tests.servers import Server

BOMBS = {
    "aliases.yaml": bombs.yaml_bomb(), "deep.yaml": b"cell: " + b"[" * 10_000, "deep.json": bombs.deep_json(10_000),
    "long.yaml": b"cell: A\nsource: " + b"x" * 1_000_000, "no.json": b"{",
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_a_description_that_is_a_bomb_is_told(name: str) -> None:
    with pytest.raises(Trouble, match=r"cannot be read|is longer than"):
        read_description(BOMBS[name])


@pytest.mark.parametrize("path", ["/", "/_stcore/health", "/_stcore/host-config", "/static/x.js"])
def test_pages_of_others_and_foreign_names_are_refused(hmi: Server, path: str) -> None:
    for headers in (
        {"Host": "evil.example"}, {"Host": "localhost.evil:8501"},
        {"Origin": "https://evil.example"}, {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
    ):  # fmt: skip
        for method in ("GET", "POST", "PUT"):
            answer = requests.request(method, hmi.url + path, headers=headers, timeout=10)
            assert answer.status_code == 403, (method, headers)


@pytest.fixture
def form(browser_page, hmi: Server):
    """The page on which a cell can be added from a file."""
    browser_page.goto(f"{hmi.url}/?view=record&tab=cell&lang=en")
    browser_page.locator('input[type="file"]').wait_for(state="attached", timeout=60_000)
    return browser_page


def test_uploads_need_the_pages_token_and_are_bounded(form) -> None:
    with form.expect_request(lambda request: request.method == "PUT") as sent:
        form.locator('input[type="file"]').set_input_files(
            {"name": "cell.yaml", "mimeType": "text/plain", "buffer": b"cell: A\nsource: test\n"}
        )
    (token,) = (one["value"] for one in form.context.cookies() if one["name"] == "_streamlit_xsrf")
    own = urlsplit(sent.value.url)

    def status(path: str, length: int = 0, cookie: str = token) -> int:
        """Of an upload that is told to be so long; nothing of it is sent."""
        connection = http.client.HTTPConnection(own.hostname, own.port, timeout=10)
        connection.putrequest("PUT", path)
        for name, value in (("Content-Type", "multipart/form-data; boundary=x"), ("Content-Length", str(length)),
                            ("Cookie", f"_streamlit_xsrf={cookie}"), ("X-Xsrftoken", cookie)):  # fmt: skip
            connection.putheader(name, value)
        connection.endheaders()
        return connection.getresponse().status

    assert status(own.path, cookie="") == 403
    assert status(own.path.rsplit("/", 2)[0] + "/nobody/x") == 400
    assert status(own.path, 2 * MOST_FILE_BYTES) == 413
