"""A model that a test can see through: the capacity goes on falling along the straight line of the last cycles.

It stands in for the trained one where a test is about the operations, not about the prediction; tests with the trained
model are in test_whole_twin.py.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from model.prediction import (
    NO_HISTORY,
    NO_RATED_CAPACITY,
    OK,
    PAST_END_OF_LIFE,
    VALIDATED,
    Driver,
    Prediction,
    Scenario,
    SimilarCell,
    Simulation,
    TrajectoryPoint,
)
from model.records.cycle import History

HOT_degC = 45.0


class LineModel:
    version = "line1"
    sha256 = "0" * 64

    def __init__(self) -> None:
        self.delay_s = 0.0
        self.grade = VALIDATED
        self.siblings: list[str] = []
        self.at_once = 0
        self.most_at_once = 0
        self._lock = threading.Lock()

    def predict(
        self,
        history: History,
        at_cycle: int | None = None,
        confidence_level: float = 0.9,
        end_of_life_capacity_Ah: float | None = None,
        siblings: Sequence[History] = (),
    ) -> Prediction:
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            time.sleep(self.delay_s)
            self.siblings = [sibling.cell for sibling in siblings]
            return self._predict(history, at_cycle, confidence_level, end_of_life_capacity_Ah)
        finally:
            with self._lock:
                self.at_once -= 1

    def _predict(
        self, history: History, at_cycle: int | None, confidence_level: float, end_of_life_Ah: float | None
    ) -> Prediction:
        end_of_life_Ah = end_of_life_Ah or history.end_of_life_capacity_Ah
        known = history.cycles if at_cycle is None else history.until(at_cycle).cycles
        known = known[known["capacity_Ah"].notna()]
        common: dict[str, Any] = {
            "cell": history.cell, "confidence_level": confidence_level, "end_of_life_capacity_Ah": end_of_life_Ah,
            "model_version": self.version, "model_sha256": self.sha256, "model_kind": "full", "grade": self.grade,
        }  # fmt: skip
        if not len(known) or not math.isfinite(history.rated_capacity_Ah):
            first, last = (int(known["cycle_number"].iloc[place]) if len(known) else None for place in (0, -1))
            capacity = float(known["capacity_Ah"].iloc[-1]) if len(known) else None
            return Prediction(
                at_cycle=last, capacity_Ah=capacity, state_of_health_percent=None,
                state_of_health_lower_percent=None, state_of_health_upper_percent=None, rul_cycles=None,
                rul_lower_cycles=None, rul_upper_cycles=None, end_of_life_cycle=None, trajectory=[], drivers=[],
                similar_cells=[], outside_training_range=[], first_cycle=first, last_cycle=last,
                status=NO_RATED_CAPACITY if len(known) else NO_HISTORY, **common,
            )  # fmt: skip
        last, capacity = int(known["cycle_number"].iloc[-1]), float(known["capacity_Ah"].iloc[-1])
        recent, numbers = (known[name].to_numpy()[-10:] for name in ("capacity_Ah", "cycle_number"))
        fade = max(1e-4, -np.polyfit(numbers - numbers[0], recent, 1)[0]) if len(recent) > 1 else 0.01
        past = capacity < end_of_life_Ah
        rul = 0.0 if past else (capacity - end_of_life_Ah) / fade
        soh = 100 * capacity / history.rated_capacity_Ah
        hot = float(known["ambient_temperature_degC"].iloc[-1]) > HOT_degC
        return Prediction(
            at_cycle=last, capacity_Ah=capacity, state_of_health_percent=soh, state_of_health_lower_percent=soh - 1,
            state_of_health_upper_percent=soh + 1, rul_cycles=rul, rul_lower_cycles=0.8 * rul,
            rul_upper_cycles=1.2 * rul + 0.5, end_of_life_cycle=last + round(rul),
            trajectory=[
                TrajectoryPoint(last + i, capacity - fade * i, capacity - fade * i - 0.01, capacity - fade * i + 0.01)
                for i in range(0, 60, 2)
            ],
            drivers=[Driver("capacity_Ah", capacity, "Ah", 3.5), Driver("own_feature", None, "1", -1.0)],
            similar_cells=[SimilarCell("B0005", 0.75), SimilarCell("B0006", 0.25)],
            outside_training_range=["ambient_temperature_degC"] if hot else [],
            status=PAST_END_OF_LIFE if past else OK,
            first_cycle=int(known["cycle_number"].iloc[0]), last_cycle=last, **common,
        )  # fmt: skip

    def simulate(self, history: History, scenario: Scenario, siblings: Sequence[History] = ()) -> Simulation:
        """A scenario above 24 °C ages twice as fast."""
        baseline = self.predict(
            history, scenario.from_cycle, scenario.confidence_level, scenario.end_of_life_capacity_Ah
        )
        ambient_degC = [scenario.ambient_temperature_degC, *(one.ambient_temperature_degC for one in scenario.phases)]
        hot = any((one or 24) > 24 for one in ambient_degC)
        assert baseline.rul_cycles is not None and baseline.at_cycle is not None
        rul = baseline.rul_cycles / (2 if hot else 1)
        return Simulation(
            cell=history.cell, from_cycle=baseline.at_cycle, rul_cycles=rul, rul_lower_cycles=0.8 * rul,
            rul_upper_cycles=1.2 * rul, end_of_life_cycle=baseline.at_cycle + round(rul),
            trajectory=baseline.trajectory, baseline=baseline,
            outside_training_range=sorted(scenario.replaced), assumptions=["heat: literature", "current: weak"],
        )  # fmt: skip
