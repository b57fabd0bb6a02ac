"""NASA's raw samples as one stream: the history that comes out is the archive's, and so is its remaining life.

A stream does not know where the archive's records begin and end. What depends on that may differ and is listed with its
definition in `OF_THE_RECORD`; every other column is equal.
"""

from __future__ import annotations

import itertools
import uuid
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from aasx.client import AasClient
from model.records.data import history as nasa_history
from operations.cell import clock, growth
from operations.cell.twin import cycle_table
from operations.intake.cycles import CellRule, SampleStream
from operations.request.columns import ID_SHORT
from tests.operations.conftest import Cell, delete_cell, put_records
from tests.operations.intake.test_cycles import archive
from tests.operations.test_append_samples import csv

CELLS = ["B0005", "B0006", "B0007", "B0018"]
OF_THE_RECORD = {
    "duration_s": "here from the sample before the load to five minutes after it",
    "rest_before_h": "from the end of the discharge before, by that duration",
    "voltage_drop_V": "from the sample before the load, in the archive from the first of the record",
    "ohmic_resistance_ohm": "that drop over the current",
}
NOT_IN_SAMPLES = {"load_current_mean_A", "load_voltage_mean_V", "Re_ohm", "Rct_ohm", "ambient_temperature_degC"}
EQUAL, RUL_CYCLES, HOUR_s = 5e-3, 2.0, 3600.0


def compare(found: pd.DataFrame, archived: pd.DataFrame) -> None:
    assert len(found) == len(archived)
    for name in set(archived.columns) - {*OF_THE_RECORD, *NOT_IN_SAMPLES, "cycle_number", "start_time"}:
        ours, theirs = found[name].to_numpy(float), archived[name].to_numpy(float)
        assert np.array_equal(np.isnan(ours), np.isnan(theirs)), name
        assert np.allclose(ours, theirs, rtol=1e-3 if name == "capacity_Ah" else EQUAL, atol=0, equal_nan=True), name


@pytest.mark.parametrize("cell", CELLS)
def test_features_of_the_stream_are_those_of_the_archive(nasa_dir, cell):
    samples, _ = archive(nasa_dir, cell)
    known = nasa_history(cell)
    rule = CellRule.of(known.facts, known.rated_capacity_Ah, known.limits, known.cut_off_voltage_V)
    stream = SampleStream(rule, positive_is_charge=True)
    described = SimpleNamespace(
        series_count=1,
        limits=known.limits,
        described=SimpleNamespace(facts=known.facts),
        rated_capacity_Ah=known.rated_capacity_Ah,
    )
    found = [
        growth.sampled_row(described, one, number, None)  # type: ignore[arg-type]
        for number, one in enumerate(stream.add(*samples) + stream.finish(), 1)
    ]
    compare(pd.DataFrame(found), known.cycles)


@pytest.mark.long
@pytest.mark.parametrize("cell", CELLS)
def test_through_the_aas_by_the_hour_the_remaining_life_is_that_of_append_cycle(nasa_dir, twin, cell):
    samples, _ = archive(nasa_dir, cell)
    aas, archived = AasClient(twin.basyx_url), nasa_history(cell).cycles
    by_samples, by_cycles = (Cell(f"T{uuid.uuid4().hex[:10]}", aas, twin.delegate_url) for _ in range(2))
    for one in (by_samples, by_cycles):
        put_records(aas, one.name, [], twin.delegate_url)
    try:
        rows = np.column_stack(samples)
        start = clock.moment(rows[0, 0])
        rows[:, 0] -= clock.seconds(start)
        edges = np.searchsorted(rows[:, 0], np.arange(rows[0, 0], rows[-1, 0] + HOUR_s, HOUR_s))
        for first, end in itertools.pairwise(edges):
            if end > first:
                by_samples.invoke(
                    "AppendSamples", Samples=csv(rows[first:end]), StartTime=start.isoformat(),
                    PositiveCurrent="charge", ambient_temperature=24.0,
                )  # fmt: skip
        by_samples.invoke("AppendSamples", Samples=csv(rows[-1:]), StartTime=start.isoformat(), EndOfData=True)
        names = [name for name in archived if name not in ("Re_ohm", "Rct_ohm")]
        table = archived[names].rename(columns=ID_SHORT)
        table["Time"] = table["Time"].dt.strftime("%Y-%m-%dT%H:%M:%S.%f").str[:-3]
        by_cycles.invoke("AppendCycles", CycleRows=table.to_csv(index=False))
        assert abs(by_samples.invoke("Predict")["RUL"] - by_cycles.invoke("Predict")["RUL"]) <= RUL_CYCLES
        path = "Segments.InternalSegment.Records"
        compare(cycle_table(by_samples.value(path, "OperationalData").values()), archived)
    finally:
        for one in (by_samples, by_cycles):
            delete_cell(aas, one.name)
