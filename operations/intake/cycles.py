"""Raw samples become cycles: discharges found in a stream of time, voltage, current and, where known, temperature.

A discharge runs while the current is below -1 % of 1C. A charge, five minutes of rest or ten minutes without samples
end it. Its capacity is the trapezoidal integral of the current down to the first sample under load at or below the
cell's capacity end voltage (2.7 V for NASA's cells: of the 2,306 discharges above 0.05 Ah of the archive each is found
once, with its `Capacity` to 0.1 %). Where the source numbers its cycles, its numbers win: a discharge ends where the
number changes, and only there. What a stream can hold, and what becomes of it:

    time twice or backwards        the sample is left out and counted (`Counts.not_later`); sent again it does no harm
    no number, or an impossible    the sample is left out and counted (`Counts.unusable`)
    hole up to ten minutes         integrated across; above `DISCHARGE_GAP_s` the discharge says `GAP_BRIDGED`
    hole of more                   ends discharge and charge; the parts of a discharge cut so are `PARTIAL`
    current of the other sign      declared, or recognised by the voltage falling while charge would flow in
    discharge that stops early     `PARTIAL`: no measure of the capacity
    discharge of next to nothing   `SMALL`
    more than the cell can hold    `ABOVE_LIMIT`
    discharge without charge       a cycle that says `NO_CHARGE_BEFORE`
    charge without discharge       no cycle of its own; its charge counts for the next one
    samples without end            of one phase `MOST_SAMPLES` are kept, then every second is dropped: `THINNED`

The stream holds a few numbers and the samples of the running phase, and every sum runs from sample to sample: however
a stream is cut into parts, the same cycles come out.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
import pandas as pd

from model.records.facts import CellFacts
from model.records.features import (
    CHARGE_FEATURES,
    MINIMUM_CHARGE_SAMPLES,
    MINIMUM_DISCHARGE_SAMPLES,
    NASA_SCALE,
    SAMPLE_NAMES,
    DISCHARGE_GAP_s,
    Samples,
    Scale,
    charge_features,
)
from model.records.nasa import FULL_CHARGE_s

ON_SHARE = 0.01
"""A current above this share of 1C (the rated capacity in one hour) is charge or discharge, below rest."""

REST_s = 300.0
HOLE_s = 600.0
SMALL_SHARE, PULSE_SHARE = 0.025, 0.005
"""A discharge below this share of the rated capacity (0.05 Ah of 2 Ah) is an aborted test, not a cycle; below the lower
share (or of fewer than `MINIMUM_DISCHARGE_SAMPLES`) it is a pulse that only the state of charge counts."""

MOST_SAMPLES = 65_536
"""Samples kept of one running phase: 18 h at one a second."""

CURVE_POINTS = 200
"""Samples kept of the last charge, for the curves of its cycle."""

TAIL_SHARE = 0.05
FULL_VOLTAGE_SHARE = 0.99
FULL_HOLDS_s = 60.0
"""A cell is full when at 99 % of its highest voltage the charge current has stayed below 5 % of 1C for a minute."""

FULL_CHARGE_SHARE = 0.5
"""A charge without constant current of NASA's kind describes the cell when it fills more than this share."""

SETTLED_s = 60.0
EVIDENCE_SHARE = 0.01
STEADY_SHARE = 0.2
"""The sign of the current is recognised from a steady current (within 20 %, above 5 % of 1C) under which, from a minute
after its start, the voltage moves by 1 %: upwards in a charge, downwards in a discharge."""

CYCLE, REJECTED = "cycle", "rejected"
SMALL, PARTIAL, ABOVE_LIMIT, SIGN_UNKNOWN = "small", "partial", "aboveLimit", "signUnknown"
GAP_BRIDGED, NO_CHARGE_BEFORE, THINNED, NO_END_VOLTAGE = "gapBridged", "noChargeBefore", "thinned", "noEndVoltage"

WIDTH = len(SAMPLE_NAMES)
Sample = tuple[float, float, float, float]
"""Time, voltage, current (negative on discharge), temperature."""


@dataclass(frozen=True)
class CellRule:
    """What decides about the samples of one cell, module or pack, at its terminals; None where not known.

    `full_voltage_V`: voltage that charging ends at. `lowest_V` to `highest_A`: possible values of a sample.
    """

    rated_capacity_Ah: float | None = None
    capacity_end_voltage_V: float | None = None
    largest_capacity_Ah: float | None = None
    full_voltage_V: float | None = None
    lowest_V: float = 0.0
    highest_V: float = math.inf
    lowest_A: float = -math.inf
    highest_A: float = math.inf
    series_count: int = 1
    scale: Scale = NASA_SCALE

    @classmethod
    def of(
        cls,
        facts: CellFacts,
        rated_capacity_Ah: float,
        limits: Mapping[str, tuple[float, float]],
        cut_off_voltage_V: float | None,
    ) -> CellRule:
        """From what is known of a cell; `limits` of the columns of a cycle, all at its terminals.

        A capacity counts down to the stated end voltage, else to where the discharges of the cell stop.
        """
        rated, highest_V = rated_capacity_Ah, facts.voltage_maximum_V
        return cls(
            rated_capacity_Ah=rated if math.isfinite(rated) and rated > 0 else None,
            capacity_end_voltage_V=facts.capacity_end_voltage_V or cut_off_voltage_V,
            largest_capacity_Ah=limits["capacity_Ah"][1],
            full_voltage_V=None if highest_V is None else facts.series_count * highest_V,
            lowest_V=limits["voltage_mean_V"][0],
            highest_V=limits["voltage_mean_V"][1],
            lowest_A=limits["load_current_mean_A"][0],
            highest_A=limits["load_current_mean_A"][1],
            series_count=facts.series_count,
            scale=Scale.of(facts, rated_capacity_Ah),
        )


@dataclass
class Counts:
    """What became of the samples: taken, not later than the one before, without a usable number."""

    taken: int = 0
    not_later: int = 0
    unusable: int = 0


@dataclass(frozen=True)
class Discharge:
    """One discharge that has ended. Times in seconds of the stream's clock.

    `samples`: n × 4 as `SAMPLE_NAMES`, time from the discharge's first sample, temperature NaN where not measured.
    `charge`: the last charge before it, thinned, in the same form. `features`: what the charges before it say
    (`CHARGE_FEATURES`, `charge_since_previous_Ah`) and `rest_before_h`. `number`: the source's, where it gives one.
    """

    start_s: float
    end_s: float
    capacity_Ah: float
    outcome: str
    reason: str | None
    notes: tuple[str, ...]
    samples: np.ndarray
    charge: np.ndarray | None
    features: dict[str, float]
    number: int | None = None

    def table(self) -> pd.DataFrame:
        return pd.DataFrame(self.samples, columns=list(SAMPLE_NAMES))

    def charge_table(self) -> pd.DataFrame | None:
        return None if self.charge is None else pd.DataFrame(self.charge, columns=list(SAMPLE_NAMES))


class Kept:
    """The samples of a running phase, in the stream's clock: at most `MOST_SAMPLES`, then every second one is dropped.

    `turn` grows whenever earlier samples are no longer what they were.
    """

    def __init__(self) -> None:
        self.parts: list[np.ndarray] = []
        self.count = self.turn = 0
        self.step = 1
        self.next = 0

    def add(self, rows: np.ndarray) -> None:
        while len(rows):
            chosen = np.arange(self.next, len(rows), self.step)[: MOST_SAMPLES - self.count]
            if not len(chosen):
                self.next -= len(rows)
                return
            used = int(chosen[-1]) + 1
            self.parts.append(rows[chosen])
            self.count += len(chosen)
            rows, self.next = rows[used:], self.step - 1
            if self.count == MOST_SAMPLES:
                self._thin()

    def _thin(self) -> None:
        rows = self.rows()[::2]
        self.parts, self.count, self.turn = [rows], len(rows), self.turn + 1
        self.step *= 2
        self.next = self.step - 1

    def rows(self) -> np.ndarray:
        if len(self.parts) != 1:
            self.parts = [np.concatenate(self.parts) if self.parts else np.zeros((0, WIDTH))]
        return self.parts[0]

    def clear(self) -> None:
        self.parts, self.count, self.turn, self.step, self.next = [], 0, self.turn + 1, 1, 0


@dataclass
class _Discharging:
    """Sums of the running discharge."""

    open: bool = False
    last_load_s: float = 0.0
    drawn_Ah: float = 0.0
    at_end_voltage_Ah: float | None = None
    bridged: bool = False
    continued: bool = False
    number: int | None = None


@dataclass
class _Charging:
    """Sums of the running charge."""

    open: bool = False
    last_load_s: float = 0.0
    highest_V: float = 0.0
    highest_A: float = 0.0
    reached_full: bool = False
    number: int | None = None


@dataclass
class StateOfCharge:
    """Charge counted from the last time the cell was full; `since_full_Ah` is negative after a discharge."""

    full_at_s: float | None = None
    since_full_Ah: float = 0.0
    filling_since_s: float | None = None

    def percent(self, capacity_Ah: float | None) -> float | None:
        """Of a capacity, from 0 to 100; None before the cell was seen full."""
        if self.full_at_s is None or not capacity_Ah or not math.isfinite(capacity_Ah):
            return None
        return min(100.0, max(0.0, 100.0 * (1.0 + self.since_full_Ah / capacity_Ah)))


@dataclass
class _Sign:
    """What has been seen of the sign of the current. `value`: +1 positive is charge, -1 positive is discharge."""

    value: int | None = None
    recognised: bool = False
    run_sign: int = 0
    run_start_s: float = 0.0
    reference: tuple[float, float] | None = None
    """Voltage and current from which on the voltage is watched."""


@dataclass
class _Since:
    """What lies before the running discharge: charges, and the end of the discharge before."""

    charged_Ah: float = 0.0
    full_charge: dict[str, float] = field(default_factory=dict)
    last_end_s: float | None = None
    cut_by_hole: bool = False
    curve: list[list[float]] = field(default_factory=list)


PARTS = {
    "counts": Counts, "discharging": _Discharging, "charging": _Charging, "soc": StateOfCharge, "sign": _Sign,
    "since": _Since,
}  # fmt: skip


class SampleStream:
    """The samples of one cell in the order of their time, and the discharges that end in them.

    `positive_is_charge` None: to be recognised; until it is, positive counts as charge and no cycle comes out.
    """

    def __init__(self, rule: CellRule, positive_is_charge: bool | None = None) -> None:
        self.rule = rule
        self.counts, self.soc, self.sign = Counts(), StateOfCharge(), _Sign()
        self.discharging, self.charging, self.since = _Discharging(), _Charging(), _Since()
        self.kept = {"discharge": Kept(), "charge": Kept()}
        self.last: Sample | None = None
        self.largest_A = 0.0
        if positive_is_charge is not None:
            self.sign.value = 1 if positive_is_charge else -1

    # --- the state, for those who keep it

    def state(self) -> dict[str, Any]:
        """Everything but the samples of the running phase, as JSON; to be given to `restored` with these."""
        kept = {
            name: {"step": part.step, "next": part.next, "turn": part.turn, "count": part.count}
            for name, part in self.kept.items()
        }
        last = None if self.last is None else _plain(self.last)
        since = asdict(self.since) | {"curve": [_plain(row) for row in self.since.curve]}
        parts = {name: asdict(getattr(self, name)) for name in PARTS} | {"since": since}
        return parts | {"kept": kept, "last": last, "largest_A": self.largest_A}

    @classmethod
    def restored(cls, rule: CellRule, state: Mapping[str, Any], samples: Mapping[str, np.ndarray]) -> SampleStream:
        """The stream as it was. Raises LookupError, TypeError or ValueError for what is no such state."""
        stream = cls(rule)
        for name, kind in PARTS.items():
            given = state[name]
            setattr(stream, name, kind(**{one.name: given[one.name] for one in fields(kind)}))
        if stream.sign.reference is not None:
            voltage_V, current_A = stream.sign.reference
            stream.sign.reference = (float(voltage_V), float(current_A))
        stream.since.curve = [
            [math.nan if value is None else float(value) for value in row] for row in stream.since.curve
        ]
        for name, part in stream.kept.items():
            given, rows = state["kept"][name], np.asarray(samples[name], dtype=float).reshape(-1, WIDTH)
            if len(rows) != given["count"]:
                raise ValueError(f"{len(rows)} samples of the running {name}, not {given['count']}")
            part.parts, part.count = [rows], len(rows)
            part.step, part.next, part.turn = int(given["step"]), int(given["next"]), int(given["turn"])
        if state["last"] is not None:
            stream.last = _given(state["last"])
        stream.largest_A = float(state["largest_A"])
        return stream

    @property
    def phase(self) -> str:
        """charge, discharge or rest, by the last sample."""
        if self.last is None:
            return "rest"
        current = self.last[2]
        return "rest" if abs(current) <= self._on_A() else "charge" if current > 0 else "discharge"

    # --- samples

    def add(
        self,
        time_s: np.ndarray,
        voltage_V: np.ndarray,
        current_A: np.ndarray,
        temperature_degC: np.ndarray | None = None,
        number: np.ndarray | None = None,
    ) -> list[Discharge]:
        """The discharges that end in these samples, in their order. `number`: the source's cycle of each sample.

        `current_A` has the sign of the source. Vectors of one length; NaN where nothing was measured.
        """
        temperature = np.full(len(time_s), math.nan) if temperature_degC is None else temperature_degC
        rows = np.column_stack([time_s, voltage_V, current_A, temperature]).astype(float)
        numbers = np.full(len(rows), -1) if number is None else np.where(np.isfinite(number), number, -1).astype(int)
        rows, numbers = self._usable(rows, numbers)
        found: list[Discharge] = []
        if self.sign.value is None and len(rows):
            settled = self._recognise(rows)
            if settled is not None:
                at, sign = settled
                found += self._take(rows[:at], numbers[:at])
                self._settle(sign)
                rows, numbers = rows[at:], numbers[at:]
        if self.sign.value == -1:
            rows = rows * np.array([1.0, 1.0, -1.0, 1.0])
        return found + self._take(rows, numbers)

    def finish(self) -> list[Discharge]:
        """The source has ended: so has what is running."""
        found = self._close_discharge()
        self._close_charge()
        return found

    def _usable(self, rows: np.ndarray, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rule = self.rule
        with np.errstate(invalid="ignore"):
            low_A, high_A = min(rule.lowest_A, -rule.highest_A), max(rule.highest_A, -rule.lowest_A)
            good = np.isfinite(rows[:, 0])
            good &= (rows[:, 1] >= rule.lowest_V) & (rows[:, 1] <= rule.highest_V) & np.isfinite(rows[:, 1])
            good &= (rows[:, 2] >= low_A) & (rows[:, 2] <= high_A) & np.isfinite(rows[:, 2])
        self.counts.unusable += int(len(rows) - good.sum())
        rows, numbers = rows[good], numbers[good]
        before = -math.inf if self.last is None else self.last[0]
        highest = np.maximum.accumulate(np.concatenate(([before], rows[:, 0])))[:-1]
        later = rows[:, 0] > highest
        self.counts.not_later += int(len(rows) - later.sum())
        self.counts.taken += int(later.sum())
        return rows[later], numbers[later]

    def _on_A(self) -> float:
        """Currents up to this are rest: 1 % of 1C, or of the largest current seen where no capacity is known."""
        rated = self.rule.rated_capacity_Ah
        return ON_SHARE * (rated if rated is not None else self.largest_A)

    def _one_C(self) -> float:
        return self.rule.rated_capacity_Ah or self.largest_A

    def _take(self, rows: np.ndarray, numbers: np.ndarray) -> list[Discharge]:
        if not len(rows):
            return []
        found: list[Discharge] = []
        strength = np.abs(rows[:, 2])
        if self.rule.rated_capacity_Ah is None:
            largest = np.maximum(np.maximum.accumulate(strength), self.largest_A)
            self.largest_A, on_A = float(largest[-1]), ON_SHARE * largest
        else:
            on_A = np.full(len(rows), self._on_A())
        kinds = np.where(strength <= on_A, 0, np.sign(rows[:, 2])).astype(int)
        steps = np.diff(rows[:, 0], prepend=math.nan if self.last is None else self.last[0])
        changes = (np.diff(kinds) != 0) | (steps[1:] > HOLE_s) | (np.diff(numbers) != 0)
        bounds = [0, *(np.flatnonzero(changes) + 1).tolist(), len(rows)]
        for first, end in itertools.pairwise(bounds):
            mark = int(numbers[first])
            found += self._take_run(rows[first:end], int(kinds[first]), float(steps[first]), None if mark < 0 else mark)
        return found

    def _take_run(self, rows: np.ndarray, kind: int, step_s: float, number: int | None) -> list[Discharge]:
        """Samples of one kind (discharge -1, rest 0, charge +1) without a hole between them; `step_s` before the first.

        A number of the source says where a discharge ends; without one, charge, rest and holes do.
        """
        found: list[Discharge] = []
        discharging, charging = self.discharging, self.charging
        hole, start_s = step_s > HOLE_s, float(rows[0, 0])
        if discharging.open:
            ends = kind == 1 or hole or (kind == -1 and start_s - discharging.last_load_s > REST_s)
            if number != discharging.number or (number is None and ends):
                found += self._close_discharge(by_hole=hole)
        if charging.open and (
            kind == -1 or hole or number != charging.number or start_s - charging.last_load_s > REST_s
        ):
            self._close_charge()
        if kind == -1 and not self.discharging.open:
            self._open("discharge", hole)
            continued = hole and self.since.cut_by_hole and self.since.charged_Ah <= 0
            self.discharging = _Discharging(True, start_s, number=number, continued=continued)
        elif kind == 1 and not self.charging.open:
            self._open("charge", hole)
            self.charging = _Charging(True, start_s, number=number)
        self._count_charge(rows, hole)
        if self.discharging.open:
            found += self._discharge_run(rows, kind, hole)
        if self.charging.open and kind != -1:
            self._charge_run(rows, kind)
        self.last = _sample(rows[-1])
        return found

    def _open(self, name: str, hole: bool) -> None:
        """A phase begins with the sample before it, which shows the cell at rest, if that is not too far away."""
        self.kept[name].clear()
        if self.last is not None and not hole:
            self.kept[name].add(np.array([self.last]))

    def _discharge_run(self, rows: np.ndarray, kind: int, hole: bool) -> list[Discharge]:
        discharging = self.discharging
        if kind == 1:  # the source's number goes on over a charge: what flows in is no part of the capacity
            return []
        rested = rows[:, 0] - discharging.last_load_s > REST_s if kind == 0 else np.zeros(len(rows), dtype=bool)
        over = bool(rested.any()) and discharging.number is None
        rows = rows[~rested]
        if len(rows):
            before = None if hole else self._before(-1)
            drawn = _running_Ah(rows, before, -discharging.drawn_Ah)
            if kind == -1:
                end_V = self.rule.capacity_end_voltage_V
                reached = np.flatnonzero(rows[:, 1] <= (-math.inf if end_V is None else end_V))
                if discharging.at_end_voltage_Ah is None and len(reached):
                    discharging.at_end_voltage_Ah = float(-drawn[reached[0]])
                discharging.last_load_s = float(rows[-1, 0])
                steps = np.diff(rows[:, 0], prepend=rows[0, 0] if before is None else before[0])
                discharging.bridged |= bool(steps.max() > DISCHARGE_GAP_s)
            discharging.drawn_Ah = float(-drawn[-1])
            self.kept["discharge"].add(rows)
        return self._close_discharge() if over else []

    def _before(self, kind: int) -> Sample | None:
        """The sample before, unless the current flowed the other way there."""
        return None if self.last is None or kind * self.last[2] < -self._on_A() else self.last

    def _charge_run(self, rows: np.ndarray, kind: int) -> None:
        charging = self.charging
        rested = rows[:, 0] - charging.last_load_s > REST_s if kind == 0 else np.zeros(len(rows), dtype=bool)
        if kind == 1:
            charging.last_load_s = float(rows[-1, 0])
            charging.highest_V = max(charging.highest_V, float(rows[:, 1].max()))
            charging.highest_A = max(charging.highest_A, float(rows[:, 2].max()))
        self.kept["charge"].add(rows[~rested])
        if rested.any():
            self._close_charge()

    def _count_charge(self, rows: np.ndarray, hole: bool) -> None:
        """Counts the state of charge on, from the last sample at which the cell was full."""
        soc, tail_A = self.soc, TAIL_SHARE * self._one_C()
        before = None if hole else self.last
        counted = _running_Ah(rows, before, soc.since_full_Ah)
        voltage_V, current_A = rows[:, 1], rows[:, 2]
        full = (current_A <= tail_A) & (current_A >= -self._on_A())
        if self.rule.full_voltage_V is not None:
            full &= voltage_V >= FULL_VOLTAGE_SHARE * self.rule.full_voltage_V
        elif self.charging.open:
            charging = self.charging
            highest_V = np.maximum(np.maximum.accumulate(voltage_V), charging.highest_V)
            highest_A = np.maximum(np.maximum.accumulate(current_A), charging.highest_A)
            full &= (voltage_V >= FULL_VOLTAGE_SHARE * highest_V) & (highest_A >= 2 * tail_A)
        else:
            full &= False
        at = _held(rows[:, 0], full, None if hole else soc.filling_since_s, soc)
        if at is not None:
            soc.full_at_s = float(rows[at, 0])
            self.charging.reached_full |= self.charging.open
            counted = _running_Ah(rows[at + 1 :], _sample(rows[at]), 0.0) if at + 1 < len(rows) else np.zeros(1)
        soc.since_full_Ah = float(counted[-1])

    # --- what has ended

    def _close_charge(self) -> None:
        charging, kept = self.charging, self.kept["charge"]
        if not charging.open:
            return
        rows, self.charging = kept.rows(), _Charging()
        kept.clear()
        if len(rows) < MINIMUM_CHARGE_SAMPLES:
            self.since.charged_Ah += float(_running_Ah(rows, None, 0.0)[-1])
            return
        time_s = rows[:, 0] - rows[0, 0]
        found = charge_features(
            Samples.of([[time_s, rows[:, 1] / self.rule.series_count, rows[:, 2], np.zeros(len(rows))]]),
            self.rule.scale,
        )
        values = {name: float(found[name][0]) for name in CHARGE_FEATURES if np.isfinite(found[name][0])}
        self.since.charged_Ah += values.get("charge_Ah", 0.0)
        whole = charging.reached_full and values.get("charge_Ah", 0.0) > FULL_CHARGE_SHARE * self._one_C()
        if found["cc_time_s"][0] > FULL_CHARGE_s or whole:
            self.since.full_charge = values
        self.since.curve = rows[np.linspace(0, len(rows) - 1, min(len(rows), CURVE_POINTS)).astype(int)].tolist()

    def _close_discharge(self, by_hole: bool = False) -> list[Discharge]:
        discharging, kept, since = self.discharging, self.kept["discharge"], self.since
        if not discharging.open:
            return []
        rows, thinned, self.discharging = kept.rows(), kept.step > 1, _Discharging()
        kept.clear()
        reached = discharging.at_end_voltage_Ah
        capacity_Ah = discharging.drawn_Ah if reached is None else reached
        if capacity_Ah < PULSE_SHARE * (self._one_C() or math.inf) or len(rows) < MINIMUM_DISCHARGE_SAMPLES:
            return []
        whole = reached is not None and not discharging.continued
        reason = self._reason(rows, capacity_Ah, whole)
        features = dict(since.full_charge)
        if since.charged_Ah > 0:
            features["charge_since_previous_Ah"] = since.charged_Ah
        start_s, end_s = float(rows[0, 0]), float(rows[-1, 0])
        if since.last_end_s is not None:
            features["rest_before_h"] = max(0.0, start_s - since.last_end_s) / 3600.0
        notes = {
            GAP_BRIDGED: discharging.bridged,
            NO_CHARGE_BEFORE: since.charged_Ah <= 0,
            THINNED: thinned,
            NO_END_VOLTAGE: self.rule.capacity_end_voltage_V is None,
        }
        curve = np.array(since.curve).reshape(-1, WIDTH)
        found = Discharge(
            start_s=start_s,
            end_s=end_s,
            capacity_Ah=capacity_Ah,
            outcome=CYCLE if reason is None else REJECTED,
            reason=reason,
            notes=tuple(name for name, holds in notes.items() if holds),
            samples=_from_start(rows),
            charge=_from_start(curve) if len(curve) else None,
            features=features,
            number=discharging.number,
        )
        if reason != SMALL:
            cut = by_hole and reached is None
            self.since = _Since(full_charge=since.full_charge, last_end_s=end_s, cut_by_hole=cut)
        return [found]

    def _reason(self, rows: np.ndarray, capacity_Ah: float, whole: bool) -> str | None:
        rule = self.rule
        if rule.rated_capacity_Ah is not None and capacity_Ah < SMALL_SHARE * rule.rated_capacity_Ah:
            return SMALL
        if self.sign.value is None:
            loaded = rows[rows[:, 2] < -self._on_A(), 1]
            tenth = max(1, len(loaded) // 10)
            if np.mean(loaded[-tenth:]) > (1.0 - EVIDENCE_SHARE) * np.mean(loaded[:tenth]):
                return SIGN_UNKNOWN
            self.sign = _Sign(1, recognised=True)
        if rule.largest_capacity_Ah is not None and capacity_Ah > rule.largest_capacity_Ah:
            return ABOVE_LIMIT
        return PARTIAL if rule.capacity_end_voltage_V is not None and not whole else None

    # --- the sign of the current

    def _recognise(self, rows: np.ndarray) -> tuple[int, int] | None:
        """Index of the sample that shows the sign of the current, and the sign; None while none does."""
        sign, largest_A, before_s = self.sign, self.largest_A, None if self.last is None else self.last[0]
        rated = self.rule.rated_capacity_Ah
        for at, (time_s, voltage_V, current_A, _) in enumerate(rows.tolist()):
            largest_A = max(largest_A, abs(current_A))
            steady = abs(current_A) > TAIL_SHARE * (largest_A if rated is None else rated)
            way = (current_A > 0) - (current_A < 0) if steady else 0
            hole = before_s is not None and time_s - before_s > HOLE_s
            before_s = time_s
            if way != sign.run_sign or hole:
                sign.run_sign, sign.run_start_s, sign.reference = way, time_s, None
            if way == 0 or time_s - sign.run_start_s < SETTLED_s:
                continue
            if sign.reference is None or abs(current_A - sign.reference[1]) > STEADY_SHARE * abs(sign.reference[1]):
                sign.reference = (voltage_V, current_A)
                continue
            change = voltage_V / sign.reference[0] - 1.0 if sign.reference[0] > 0 else 0.0
            if abs(change) >= EVIDENCE_SHARE:
                return at, way if change > 0 else -way
        return None

    def _settle(self, value: int) -> None:
        """From now on the sign is known; what runs was read with positive as charge and is read anew if it is not."""
        self.sign = _Sign(value, recognised=True)
        if value == 1:
            return
        rows = np.concatenate([part.rows() for part in self.kept.values()])
        rows = rows[np.argsort(rows[:, 0], kind="stable")]
        for part in self.kept.values():
            part.clear()
        number = self.discharging.number if self.discharging.open else self.charging.number
        self.discharging, self.charging, self.since = _Discharging(), _Charging(), _Since()
        self.soc, last, self.last = StateOfCharge(), self.last, None
        later = np.diff(rows[:, 0], prepend=-math.inf) > 0
        rows = rows[later] * np.array([1.0, 1.0, -1.0, 1.0])
        self._take(rows, np.full(len(rows), -1 if number is None else number))
        if last is not None and (self.last is None or self.last[0] < last[0]):
            self.last = (last[0], last[1], -last[2], last[3])


def _running_Ah(rows: np.ndarray, before: Sample | None, from_Ah: float) -> np.ndarray:
    """Charge at each sample, Ah: the trapezoidal integral of the current, from `from_Ah` at the sample before."""
    time_s, current_A = rows[:, 0], rows[:, 2]
    first = (time_s[0], current_A[0]) if before is None else (before[0], before[2])
    steps = np.diff(time_s, prepend=first[0])
    means = (current_A + np.concatenate(([first[1]], current_A[:-1]))) / 2
    return np.cumsum(np.concatenate(([from_Ah], steps * means / 3600.0)))[1:]


def _held(time_s: np.ndarray, holds: np.ndarray, since_s: float | None, soc: StateOfCharge) -> int | None:
    """The last sample at which a condition has held for `FULL_HOLDS_s`; `soc.filling_since_s` becomes its start."""
    if not holds[-1] and not holds.any():
        soc.filling_since_s = None
        return None
    starts = holds & ~np.concatenate(([since_s is not None], holds[:-1]))
    begun = np.maximum.accumulate(np.where(starts, np.arange(len(holds)), -1))
    first = np.where(begun < 0, time_s[0] if since_s is None else since_s, time_s[begun])
    soc.filling_since_s = float(first[-1]) if holds[-1] else None
    held = np.flatnonzero(holds & (time_s - first >= FULL_HOLDS_s))
    return int(held[-1]) if len(held) else None


def _sample(row: np.ndarray) -> Sample:
    time_s, voltage_V, current_A, temperature_degC = row.tolist()
    return time_s, voltage_V, current_A, temperature_degC


def _plain(row: Sequence[float]) -> list[float | None]:
    return [None if math.isnan(value) else value for value in row]


def _given(row: Sequence[float | None]) -> Sample:
    time_s, voltage_V, current_A, temperature_degC = (math.nan if value is None else float(value) for value in row)
    return time_s, voltage_V, current_A, temperature_degC


def _from_start(rows: np.ndarray) -> np.ndarray:
    """The rows with the time from the first of them."""
    return rows - np.array([rows[0, 0], 0.0, 0.0, 0.0])
