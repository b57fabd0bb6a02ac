"""Samples of a made-up cell of 2 Ah."""

from __future__ import annotations

import numpy as np

Leg = tuple[float, float, float, float]

REST, CHARGE, TAIL = (600.0, 0.0, 3.5, 3.5), (5400.0, 1.2, 3.4, 4.2), (900.0, 0.05, 4.2, 4.2)
FULL_REST, DISCHARGE = (600.0, 0.0, 4.15, 4.15), (3400.0, -2.0, 4.0, 2.65)


def ride(*legs: Leg, step_s: float = 10.0, start_s: float = 0.0) -> np.ndarray:
    """Samples of legs (duration s, current A, first and last voltage V), one a step: s, V, A, and 24 degC."""
    rows = []
    for duration_s, current_A, first_V, last_V in legs:
        count = round(duration_s / step_s)
        times = start_s + step_s * np.arange(count)
        rows.append(np.column_stack([times, np.linspace(first_V, last_V, count), np.full(count, current_A)]))
        start_s += duration_s
    return np.column_stack([np.vstack(rows), np.full(sum(map(len, rows)), 24.0)])


LIFE = ride(REST, CHARGE, TAIL, FULL_REST, DISCHARGE, REST, CHARGE, TAIL, FULL_REST, DISCHARGE, REST)
"""Two cycles."""
