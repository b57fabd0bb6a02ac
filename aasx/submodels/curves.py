"""Sampled curves of cycles as CSV: the content of Segments.ExternalSegment.Data and Segments.LatestCycle.Data.

One sample a line, the charge of a cycle before its discharge. `Time` is the date and time of the sample by the cell's
clock, as in Metadata.Record, so that generic clients plot it. When a charge began is not known: it stands as if it had
ended when its discharge began, since a line without a date makes a client plot nothing. Where that is not known either,
`Time` is empty.
`Time_s` counts the seconds since the charge or discharge began. Earlier files have no `Time_s`, but these seconds in
`Time`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

SECONDS = "Time_s"
MEASURED = ("Voltage_measured", "Current_measured", "Temperature_measured")
COLUMNS = ("id_cycle", "type", "Time", SECONDS, *MEASURED)
HEADER = ",".join(COLUMNS) + "\n"

DISCHARGE = "discharge"


Sample = tuple[int, str, float, float | None, float | None, float | None]
"""id_cycle, type, seconds, V, A, °C; None or NaN where nothing was measured."""


def to_csv(samples: Iterable[Sample], starts: Mapping[int, str]) -> str:
    """`starts`: when the discharge of a cycle began, as xs:dateTime, by id_cycle."""
    samples = list(samples)
    charged_s = {cycle: time_s for cycle, kind, time_s, *_ in samples if kind != DISCHARGE}
    moments = {cycle: datetime.fromisoformat(start) for cycle, start in starts.items()}

    def lines() -> Iterator[str]:  # hundreds of thousands
        for cycle, kind, time_s, voltage_V, current_A, temperature_C in samples:
            start = moments.get(cycle)
            offset_s = 0.0 if kind == DISCHARGE else -charged_s[cycle]
            time = "" if start is None else _text(start + timedelta(seconds=offset_s + time_s))
            measured = map(_number, (time_s, voltage_V, current_A, temperature_C))
            yield f"{cycle},{kind},{time},{','.join(measured)}\n"

    return HEADER + "".join(lines())


def _text(moment: datetime) -> str:
    """In the zone of the moment, or without one as that."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _number(value: float | None) -> str:
    return "" if value is None or value != value else f"{value:.10g}"  # NaN is not equal to itself


def rows(content: bytes) -> Iterator[dict[str, Any]]:
    """The lines of such a file, the seconds under `Time_s` in files of any age."""
    for row in csv.DictReader(content.decode("utf-8", errors="replace").splitlines()):
        yield row if SECONDS in row else row | {SECONDS: row.get("Time")}
