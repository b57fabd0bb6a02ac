"""operations/README.md names what there is: it cannot fall behind the code unnoticed."""

from __future__ import annotations

import dataclasses
import re

import pytest

from operations.cell import alerts
from operations.request import settings
from operations.request.errors import STATUSES
from operations.service.execution import OPERATIONS
from tests.servers import ROOT

README = (ROOT / "operations" / "README.md").read_text(encoding="utf-8")
SOURCE = (ROOT / "operations" / "request" / "settings.py").read_text(encoding="utf-8")
FEED = "".join(
    (ROOT / "operations" / "feed" / name).read_text(encoding="utf-8") for name in ("settings.py", "brokers.py")
)


def test_every_operation_with_its_path():
    for operation in OPERATIONS.values():
        where = "fleet" if operation.of_fleet else "cells/{cell}"
        assert f"| {operation.id_short} | `/api/{where}/{operation.path}` |" in README


def test_every_status():
    for status, (code, _) in STATUSES.items():
        assert re.search(rf"^\| {status} \| {code}\b", README, re.MULTILINE), status


def test_every_setting_with_its_default():
    variables = set(re.findall(r"TWIN_[A-Z_]+", SOURCE))
    of_feed = set(re.findall(r"TWIN_[A-Z_]+", FEED))
    assert set(re.findall(r"^\| (TWIN_[A-Z_]+) \|", README, re.MULTILINE)) == variables | of_feed
    also = {"TWIN_DELEGATION_SECRET_FILE", "TWIN_PUBLIC_URL"}  # second ways to give a setting
    assert also <= variables and len(variables - also) == len(dataclasses.fields(settings.Settings))
    assert f"| {settings.LOOPBACK} |" in README


def test_every_alert():
    for indicator, severity in alerts.DEFINITIONS:
        rows = re.findall(rf"^\| {indicator} \| ([\w, ]+) \|", README, re.MULTILINE)
        assert any(severity in row for row in rows), (indicator, severity)


@pytest.mark.parametrize(
    ("name", "value"),
    [("TWIN_AAS_TIMEOUT", "soon"), ("TWIN_DELEGATION_FROM", "everywhere"), ("TWIN_MAX_BODY_BYTES", "4 MB")],
)
def test_setting_that_cannot_be_read_is_named(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=name):
        settings.Settings.from_environment()
