"""The CSV files of sampled curves: what generic clients plot, and files of earlier versions."""

from __future__ import annotations

import math

from aasx.submodels import curves

SAMPLES: list[curves.Sample] = [
    (7, "charge", 0.0, 3.5, 1.5, 24.25),
    (7, "charge", 60.0, 4.2, 1.5, 24.25),
    (7, "discharge", 0.5, 4.19, -2.0, None),
    (8, "discharge", 9.0, 4.1, -2.0, math.nan),
]


def test_a_discharge_has_dates_and_times_by_the_clock_of_the_cell_and_seconds() -> None:
    assert curves.to_csv(SAMPLES, {7: "2008-04-02T15:25:41.593"}).splitlines() == [
        "id_cycle,type,Time,Time_s,Voltage_measured,Current_measured,Temperature_measured",
        "7,charge,2008-04-02T15:24:41.593,0,3.5,1.5,24.25",
        "7,charge,2008-04-02T15:25:41.593,60,4.2,1.5,24.25",
        "7,discharge,2008-04-02T15:25:42.093,0.5,4.19,-2,",
        "8,discharge,,9,4.1,-2,",
    ]
    utc = curves.to_csv(SAMPLES, {7: "2026-01-05T23:59:59.600Z", 8: "2026-01-06T00:00:00+01:00"}).splitlines()
    assert utc[3].startswith("7,discharge,2026-01-06T00:00:00.100Z,0.5,")
    assert utc[4].startswith("8,discharge,2026-01-06T00:00:09.000+01:00,9,")


def test_files_of_any_age_give_seconds() -> None:
    today = curves.to_csv(SAMPLES, {7: "2008-04-02T15:25:41"}).encode()
    assert [row[curves.SECONDS] for row in curves.rows(today)] == ["0", "60", "0.5", "9"]
    earlier = b"id_cycle,type,Time,Voltage_measured\n7,discharge,12.5,4.1\n"
    assert [row[curves.SECONDS] for row in curves.rows(earlier)] == ["12.5"]
    assert list(curves.rows(b"")) == [] and list(curves.rows(curves.HEADER.encode())) == []
