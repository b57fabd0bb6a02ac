"""The requests of a lesson, as they are made readable."""

import base64
import json

import pytest
import responses

from dashboard.reading import lesson
from dashboard.reading.twin import Twin


def test_long_lists_and_texts_are_shortened_and_other_text_stays():
    long = json.dumps({"list": [1, 2, 3, 4, 5], "text": "x" * 500, "description": ["gone"]})
    shown = json.loads(lesson.readable(long))
    assert shown == {"list": [1, 2, 3, "… 2 more"], "text": "x" * 200 + "…"}
    assert lesson.readable("no JSON") == "no JSON" and lesson.readable("") == ""
    assert len(lesson.readable(json.dumps({str(n): n for n in range(5000)}))) < lesson.MOST_CHARACTERS + 10


def test_the_delegate_gets_a_bare_list():
    assert json.loads(lesson.handed_on('{"inputArguments": [{"value": {"idShort": "AtCycle"}}]}')) == [
        {"value": {"idShort": "AtCycle"}}
    ]
    assert lesson.handed_on("nonsense") == "[]"


@pytest.mark.parametrize("part", ["", "***", "_w"])
def test_what_is_no_identifier_is_not_decoded(part):
    assert lesson.decoded(part) == ""


@responses.activate
def test_a_failure_ends_the_lesson_with_what_was_seen():
    responses.get(url="http://aas/shells/" + encoded("https://battery-twin.example/ids/aas/X"), status=404, json={})
    given = lesson.give(Twin("http://aas"), "X", 3)
    assert [(call.method, call.status) for call in given.calls] == [("GET", 404)]
    assert given.failure and lesson.identifier_in(given.calls[0].path).endswith("/X")


def encoded(identifier: str) -> str:
    return base64.urlsafe_b64encode(identifier.encode()).decode().rstrip("=")
