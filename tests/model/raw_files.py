"""Small .mat files and archives in NASA's layout, with made-up measurements whose features are known by hand."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io

LOAD_A = 2.0
CHARGE_A = 1.5
FIRST_START = datetime(2008, 4, 2, 13, 8, 17)


def discharge_samples(capacity_Ah: float, cut_off_V: float = 2.7) -> dict[str, np.ndarray]:
    """2 A from the second sample on, voltage in a straight line from 4.0 V to the cut-off, one sample per 10 s."""
    duration_s = capacity_Ah / LOAD_A * 3600
    loaded_s = np.arange(0, duration_s + 1e-6, 10.0)
    time_s = np.concatenate(([0.0], 10.0 + loaded_s))
    voltage = np.concatenate(([4.2], np.linspace(4.0, cut_off_V, len(loaded_s))))
    current = np.concatenate(([0.0], np.full(len(loaded_s), -LOAD_A)))
    temperature = 24.0 + 10.0 * time_s / time_s[-1]
    return {
        "Voltage_measured": voltage,
        "Current_measured": current,
        "Temperature_measured": temperature,
        "Current_load": -current,
        "Voltage_load": voltage - 0.1,
        "Time": time_s,
    }


def charge_samples(cc_s: float = 3000.0, tau_s: float = 800.0, cv_s: float = 4000.0) -> dict[str, np.ndarray]:
    """1.5 A while the voltage rises in a straight line from 3.5 V to 4.2 V, then an exponential decay at 4.2 V."""
    time_s = np.arange(0.0, cc_s + cv_s, 5.0)
    constant = time_s <= cc_s
    voltage = np.where(constant, 3.5 + 0.7 * time_s / cc_s, 4.2)
    current = np.where(constant, CHARGE_A, CHARGE_A * np.exp(-(time_s - cc_s) / tau_s))
    return {
        "Voltage_measured": voltage,
        "Current_measured": current,
        "Temperature_measured": np.full(len(time_s), 25.0),
        "Current_charge": current,
        "Voltage_charge": voltage,
        "Time": time_s,
    }


def operations(capacities_Ah: list[float | None]) -> list[dict[str, Any]]:
    """charge, impedance, discharge for each capacity label; None: a discharge without a label."""
    entries: list[dict[str, Any]] = []
    start = FIRST_START
    for i, label in enumerate(capacities_Ah):
        data = discharge_samples(label if label else 0.5)
        label_array = np.zeros((0, 0)) if label is None else float(label)
        for kind, samples, hours in (
            ("charge", charge_samples(), 3.0),
            ("impedance", {"Re": 0.05 + 0.001 * i, "Rct": 0.07 + 0.001 * i}, 0.5),
            ("discharge", {**data, "Capacity": label_array}, 2.0),
        ):
            vector = [start.year, start.month, start.day, start.hour, start.minute, start.second + 0.25]
            entries.append({"type": kind, "ambient_temperature": 24, "time": np.array(vector), "data": samples})
            start += timedelta(hours=hours)
    return entries


def mat_bytes(cell: str, capacities_Ah: list[float | None]) -> bytes:
    """A .mat file of one cell."""
    entries = operations(capacities_Ah)
    cycle = np.empty(
        (1, len(entries)), dtype=[(name, object) for name in ("type", "ambient_temperature", "time", "data")]
    )
    for i, entry in enumerate(entries):
        for name, value in entry.items():
            cycle[name][0, i] = value
    buffer = io.BytesIO()
    scipy.io.savemat(buffer, {cell: {"cycle": cycle}}, do_compression=True)
    return buffer.getvalue()


def nasa_archive(path: Path, groups: dict[str, dict[str, bytes]]) -> Path:
    """A zip of zips as NASA's: `groups` maps the name of an inner zip to its .mat files by cell."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as outer:
        for name, cells in groups.items():
            inner = io.BytesIO()
            with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("README.txt", "Data Description: made for a test")
                for cell, content in cells.items():
                    archive.writestr(f"{cell}.mat", content)
            outer.writestr(f"5. Battery Data Set/{name}.zip", inner.getvalue())
    return path
