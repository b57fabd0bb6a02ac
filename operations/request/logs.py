"""Logs as one JSON object a line, each with the id of the request it belongs to.

A caller may send its own id as X-Request-ID; it comes back in the header of the answer, in the output RequestId and in
every line of the log.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import uuid
from contextvars import ContextVar
from datetime import UTC, datetime

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
request_id: ContextVar[str] = ContextVar("request_id", default="")
log = logging.getLogger("operations")


def new_request_id(given: str | None) -> str:
    """The caller's id when it is one (letters, digits, `.`, `_`, `-`), else a new one; holds for this thread's call."""
    chosen = given if given and REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
    request_id.set(chosen)
    return chosen


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": request_id.get() or None,
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps({key: value for key, value in line.items() if value is not None}, ensure_ascii=False)


def say(level: int, message: str, *, exc_info: bool | BaseException = False, **facts: object) -> None:
    """One line in the log; `facts` become fields of their own."""
    log.log(level, message, exc_info=exc_info, extra={"facts": facts})


def start(level: int = logging.INFO) -> None:
    """All logs of the process as JSON lines on standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
