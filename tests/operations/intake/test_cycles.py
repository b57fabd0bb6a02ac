"""Samples become cycles: NASA's archive as one stream, the same cycles however it is cut, and what streams can hold."""

from __future__ import annotations

import json
import math
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from model.records.data import cells, history
from model.records.nasa import CellFile, plain_files, read_cell
from operations.intake import cycles
from operations.intake.cycles import CellRule, Discharge, SampleStream
from tests.operations.intake.made_up import CHARGE, DISCHARGE, FULL_REST, LIFE, REST, TAIL, ride

RULE = CellRule(2.0, 2.7, 2.1, 4.2, 0.0, 5.0, -20.0, 20.0)
EPOCH = datetime(1970, 1, 1)
Stream = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def archive(folder: Path, cell: str) -> tuple[Stream, list[tuple[float, float]]]:
    """All raw samples of a cell as one stream in the order of time, and start and capacity of its discharges."""
    path = plain_files(folder, {cell})[cell]
    with path.open("rb") as file:
        recording = read_cell(CellFile(cell, str(path), file))
    parts, capacities = [], []
    for i, (kind, start) in enumerate(zip(recording.kinds, recording.starts, strict=True)):
        if kind == "impedance":
            continue
        start_s = (start - EPOCH).total_seconds()
        curve = recording.curve(i).to_numpy(dtype=float)
        if len(curve) > 1:
            parts.append(curve + np.array([start_s, 0.0, 0.0, 0.0]))
        label = recording.data[i]["Capacity"][0, 0].ravel() if kind == "discharge" else np.zeros(0)
        if len(label):
            capacities.append((start_s, float(label[0])))
    rows = np.vstack(parts)
    time_s, voltage_V, current_A, temperature_degC = rows[np.argsort(rows[:, 0], kind="stable")].T
    return (time_s, voltage_V, current_A, temperature_degC), capacities


def prove(folder: Path, cell: str, chunk_s: float) -> int:
    """Every discharge above 0.05 Ah is found once with its capacity; returns how many there are."""
    samples, capacities = archive(folder, cell)
    known = history(cell)
    rule = CellRule.of(known.facts, known.rated_capacity_Ah, known.limits, known.cut_off_voltage_V)
    stream = SampleStream(rule, positive_is_charge=True)
    found: list[Discharge] = []
    edges = np.searchsorted(samples[0], np.arange(samples[0][0], samples[0][-1], chunk_s)).tolist()
    for first, end in zip(edges, [*edges[1:], len(samples[0])], strict=True):
        found += stream.add(*(column[first:end] for column in samples))
    found += stream.finish()
    asked = [(start_s, capacity_Ah) for start_s, capacity_Ah in capacities if capacity_Ah > 0.05]
    for start_s, capacity_Ah in asked:
        (one,) = (one for one in found if one.start_s - 60 <= start_s <= one.end_s + 60)
        assert one.capacity_Ah == pytest.approx(capacity_Ah, rel=1e-3)
        assert (one.reason == cycles.ABOVE_LIMIT) == (capacity_Ah > 2.1)
    assert all(one.reason == cycles.SMALL for one in found if one.capacity_Ah < 0.05)
    return len(asked)


@pytest.mark.parametrize("cell", ["B0025", "B0042", "B0050"])
def test_discharges_of_the_archive_are_found_in_its_raw_samples(nasa_dir, cell):
    assert prove(nasa_dir, cell, 3600.0) > 15


@pytest.mark.long
@pytest.mark.parametrize("chunk_s", [3600.0, 1e12], ids=["by the hour", "at once"])
def test_all_discharges_of_the_archive_are_found_in_its_raw_samples(nasa_dir, chunk_s):
    assert sum(prove(nasa_dir, cell, chunk_s) for cell in cells()) == 2306


# --- a made-up cell of 2 Ah


def found_in(rows: np.ndarray, rule: CellRule = RULE, positive_is_charge: bool | None = True) -> list[Discharge]:
    stream = SampleStream(rule, positive_is_charge)
    return stream.add(*rows.T) + stream.finish()


def same(one: Discharge, other: Discharge) -> bool:
    curves = [(one.samples, other.samples), (one.charge, other.charge)]
    plain = [
        (d.start_s, d.end_s, d.capacity_Ah, d.outcome, d.reason, d.notes, d.features, d.number) for d in (one, other)
    ]
    return plain[0] == plain[1] and all(np.array_equal(a, b, equal_nan=True) for a, b in curves)  # type: ignore[arg-type]


def test_a_life_of_two_cycles():
    first, second = found_in(LIFE)
    assert [first.outcome, second.outcome] == [cycles.CYCLE, cycles.CYCLE]
    down_to_end_V = 2.0 * (3400.0 * (4.0 - 2.7) / (4.0 - 2.65)) / 3600
    assert first.capacity_Ah == pytest.approx(down_to_end_V, rel=0.01)
    assert first.start_s == REST[0] + CHARGE[0] + TAIL[0] + FULL_REST[0] - 10.0  # the sample before the load
    assert first.notes == second.notes == ()
    assert "rest_before_h" not in first.features
    assert second.features["charge_since_previous_Ah"] == pytest.approx(1.2 * 5400 / 3600, rel=0.02)
    between_s = 600 + CHARGE[0] + TAIL[0] + FULL_REST[0] - cycles.REST_s - 10.0
    assert second.features["rest_before_h"] == pytest.approx(between_s / 3600, rel=0.01)
    assert second.charge is not None and len(second.charge) <= cycles.CURVE_POINTS


@pytest.mark.lasting
@pytest.mark.parametrize("positive_is_charge", [True, None])
@pytest.mark.parametrize("rule", [RULE, CellRule()], ids=["described", "unknown"])
def test_the_same_cycles_however_the_stream_is_cut_and_kept_in_between(rule, positive_is_charge, monkeypatch):
    monkeypatch.setattr(cycles, "MOST_SAMPLES", 128)  # and thinned in between
    whole = found_in(LIFE, rule, positive_is_charge)
    assert whole
    for size in (1, 7, 60, 1000):
        stream = SampleStream(rule, positive_is_charge)
        parts = []
        for at in range(0, len(LIFE), size):
            parts += stream.add(*LIFE[at : at + size].T)
            kept = {name: part.rows() for name, part in stream.kept.items()}
            stream = SampleStream.restored(rule, json.loads(json.dumps(stream.state())), kept)
        parts += stream.finish()
        assert len(parts) == len(whole) and all(map(same, parts, whole))


def test_samples_sent_again_are_left_out_and_counted():
    stream = SampleStream(RULE, True)
    found = stream.add(*LIFE[:1000].T) + stream.add(*LIFE[500:1000].T) + stream.add(*LIFE[900:].T) + stream.finish()
    assert all(map(same, found, found_in(LIFE)))
    assert (stream.counts.taken, stream.counts.not_later) == (len(LIFE), 600)


def test_doubled_and_backward_times_no_numbers_and_impossible_values_are_left_out_and_counted():
    rows = np.repeat(LIFE, 2, axis=0)
    rows[1::2, 2] = 3.0  # a second sample of the same time does not count
    rows = np.vstack([rows, LIFE[100:110], [[1e9, math.nan, 0, 24], [1e9, 9.0, 0, 24], [1e9, 3.0, -50, 24]]])
    stream = SampleStream(RULE, True)
    found = stream.add(*rows.T) + stream.finish()
    assert all(map(same, found, found_in(LIFE)))
    assert (stream.counts.not_later, stream.counts.unusable) == (len(LIFE) + 10, 3)


@pytest.mark.parametrize("turned", [1.0, -1.0])
def test_the_sign_of_the_current_is_recognised(turned):
    rows = LIFE * np.array([1.0, 1.0, turned, 1.0])
    stream = SampleStream(RULE)
    found = stream.add(*rows.T) + stream.finish()
    assert (stream.sign.value, stream.sign.recognised) == (turned, True)
    assert len(found) == 2 and all(map(same, found, found_in(LIFE)))
    assert all(map(same, found_in(rows, positive_is_charge=turned > 0), found))


def test_without_a_sign_a_discharge_that_shows_none_is_no_cycle():
    flat = ride(REST, (3400.0, -2.0, 3.3, 3.3), REST)
    (one,) = found_in(flat, CellRule(2.0), None)
    assert (one.outcome, one.reason) == (cycles.REJECTED, cycles.SIGN_UNKNOWN)


def test_discharges_that_are_no_measure_of_the_capacity():
    rows = ride(
        CHARGE, REST, (80.0, -2.0, 4.0, 3.9), REST, (10.0, -2.0, 4.0, 3.9), REST, (1800.0, -2.0, 4.0, 3.5), CHARGE,
        (5400.0, -2.0, 4.0, 2.65), REST,
    )  # fmt: skip
    found = found_in(rows)
    assert [one.reason for one in found] == [cycles.SMALL, cycles.PARTIAL, cycles.ABOVE_LIMIT]
    assert found[1].capacity_Ah == pytest.approx(1.0, rel=0.01)
    assert cycles.NO_CHARGE_BEFORE not in found[1].notes  # a small discharge does not use up the charge


def test_several_discharges_without_a_charge_are_ended_by_rest_and_say_so():
    found = found_in(ride(CHARGE, DISCHARGE, REST, DISCHARGE, REST))
    assert [one.notes for one in found] == [(), (cycles.NO_CHARGE_BEFORE,)]


def test_short_holes_are_integrated_across_and_told_long_ones_end_a_discharge():
    short = np.vstack([LIFE[:900], LIFE[920:]])  # 200 s in the first discharge
    whole, bridged = found_in(LIFE)[0], found_in(short)[0]
    assert bridged.notes == (cycles.GAP_BRIDGED,)
    assert bridged.capacity_Ah == pytest.approx(whole.capacity_Ah, rel=1e-9)
    long = found_in(np.vstack([LIFE[:850], LIFE[950:]]))
    assert [one.reason for one in long] == [cycles.PARTIAL, cycles.PARTIAL, None]
    assert long[0].capacity_Ah < whole.capacity_Ah / 2


def test_numbers_of_the_source_win():
    pause = (1800.0, 0.0, 3.6, 3.6)
    halves = ride(CHARGE, (1700.0, -2.0, 4.0, 3.3), pause, (1700.0, -2.0, 3.3, 2.65), CHARGE, DISCHARGE)
    numbers = np.where(halves[:, 0] < CHARGE[0] + 1700 + 1800 + 1700, 7, 8)
    stream = SampleStream(RULE, True)
    time_s, voltage_V, current_A, temperature_degC = halves.T
    found = stream.add(time_s, voltage_V, current_A, temperature_degC, numbers) + stream.finish()
    assert [(one.number, one.outcome) for one in found] == [(7, cycles.CYCLE), (8, cycles.CYCLE)]
    assert found[0].capacity_Ah == pytest.approx(2.0 * (1700 + 1700 * (3.3 - 2.7) / (3.3 - 2.65)) / 3600, rel=0.01)
    assert [one.reason for one in found_in(halves)][:1] == [cycles.PARTIAL]


def test_ten_hours_at_one_a_second_are_kept_whole_and_more_is_thinned():
    slow = ride(CHARGE, (36_000.0, -0.2, 4.0, 2.65), step_s=1.0)
    (one,) = found_in(slow)
    assert one.notes == () and len(one.samples) > 36_000
    endless = ride(CHARGE, (90_000.0, -0.08, 4.0, 2.65), step_s=1.0)
    (one,) = found_in(endless)
    assert one.notes == (cycles.THINNED,) and len(one.samples) < cycles.MOST_SAMPLES
    assert one.capacity_Ah == pytest.approx(0.08 * 90_000 * (1.3 / 1.35) / 3600, rel=1e-3)


# --- state of charge


@pytest.mark.parametrize("full_voltage_V", [4.2, None], ids=["described", "seen"])
def test_state_of_charge_counts_from_the_last_time_the_cell_was_full(full_voltage_V):
    stream = SampleStream(CellRule(2.0, 2.7, 2.1, full_voltage_V), True)
    stream.add(*ride(REST, CHARGE).T)
    assert stream.soc.percent(2.0) is None
    stream.add(*ride(TAIL, start_s=6000.0).T)
    assert stream.soc.percent(2.0) == 100.0
    full_at_s = stream.soc.full_at_s
    assert full_at_s == 6890.0
    stream.add(*ride(FULL_REST, (1800.0, -1.0, 4.0, 3.7), start_s=6900.0).T)
    assert stream.soc.percent(2.0) == pytest.approx(75.0, abs=0.3)
    if full_voltage_V is None:
        assert stream.soc.full_at_s == full_at_s


def test_a_drifting_counter_finds_back_on_float_charge():
    """A sensor that shows 10 mA too little empties a cell on float charge in its counter; its voltage says full."""
    stream = SampleStream(CellRule(2.0, 2.7, 2.1, 4.2), True)
    stream.add(*ride(CHARGE, TAIL).T)
    stream.add(*ride((864_000.0, -0.01, 4.18, 4.18), step_s=60.0, start_s=6300.0).T)
    assert stream.soc.percent(2.0) == 100.0


def test_a_state_that_is_none_is_refused():
    state = SampleStream(RULE).state()
    for wrong in ({}, state | {"last": [1.0]}, state | {"kept": {}}, state | {"soc": None}):
        with pytest.raises((LookupError, TypeError, ValueError)):
            SampleStream.restored(RULE, wrong, {"charge": np.zeros((0, 4)), "discharge": np.zeros((0, 4))})
    with pytest.raises(ValueError, match="samples of the running discharge"):
        SampleStream.restored(RULE, state, {"charge": np.zeros((0, 4)), "discharge": np.zeros((1, 4))})
