"""Files as users have them: small ones of the form of real exports, and the real ones where they are present."""

from __future__ import annotations

import gzip
import io
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dashboard.views.cell import records_csv
from model.records.facts import CellFacts, limits
from operations.intake import conversion, mapping, values
from operations.intake.conversion import Progress, Refused, Row
from operations.intake.cycles import CellRule
from operations.intake.mapping import Proposal, propose
from operations.intake.readers import formats
from operations.intake.readers.table import Unreadable
from tests.model import raw_files
from tests.servers import ROOT

FILES = ROOT.parent / "shared" / "files"


def rule(rated_Ah: float = 2.0, end_V: float = 2.7) -> CellRule:
    return CellRule(rated_Ah, end_V, 1.25 * rated_Ah, 4.2, 0.0, 5.0, -20.0 * rated_Ah, 20.0 * rated_Ah)


def proposed(name: str, content: bytes | str, rated_Ah: float = 2.0, **more: object) -> tuple[formats.Table, Proposal]:
    table = formats.read(name, content.encode("utf-8") if isinstance(content, str) else content)
    return table, propose(table, rule(rated_Ah), **more)  # type: ignore[arg-type]


def read(name: str, content: bytes | str, rated_Ah: float = 2.0, end_V: float = 2.7, **changes: object) -> list[Row]:
    """All rows of a file whose proposal has no open question, or the changes that answer it."""
    table, proposal = proposed(name, content, rated_Ah)
    assert changes or not proposal.open, [question.said.text for question in proposal.open]
    confirmed = proposal.mapping.model_copy(update=changes)
    return list(conversion.rows_of(table, confirmed, rule(rated_Ah, end_V), limits(CellFacts(), rated_Ah), Progress()))


def capacities(rows: list[Row]) -> list[float]:
    return [round(row.values["capacity_Ah"], 4) for row in rows if row.taken]


def reasons(rows: list[Row]) -> list[str]:
    return [row.skipped.code for row in rows if row.skipped]


def samples(cycles: int = 3, step_s: float = 10.0, capacity_Ah: float = 1.8) -> pd.DataFrame:
    """Charge at 1 A, rest, discharge at 2 A from 4.0 V to 2.6 V, rest; one number a cycle."""
    parts, start = [], 0.0
    for number in range(1, cycles + 1):
        for state, current, seconds, high, low in (
            ("C", 1.0, 3600 * capacity_Ah, 3.2, 4.2), ("R", 0.0, 600.0, 4.1, 4.1),
            ("D", -2.0, 1800 * capacity_Ah, 4.0, 2.7), ("R", 0.0, 600.0, 3.2, 3.2),
        ):  # fmt: skip
            time = np.arange(0.0, seconds + step_s, step_s)
            step = {"C": 1, "R": 2, "D": 3}[state]
            part = pd.DataFrame({"t": start + time, "v": np.linspace(high, low, len(time)), "i": current})
            parts.append(part.assign(temp=25.0, cycle=number, step=step, state=state))
            start += seconds + step_s + 1.0
    return pd.concat(parts, ignore_index=True)


MADE = samples()
START = pd.Timestamp("2024-03-01T08:00:00")
CLOCK = (START + pd.to_timedelta(MADE["t"], unit="s")).dt.round("s")


def table_text(columns: dict[str, object], separator: str = ",", decimal: str = ".", head: str = "") -> str:
    return head + pd.DataFrame(columns).to_csv(index=False, sep=separator, decimal=decimal, lineterminator="\n")


# --- tables with a row a cycle

BATTERYARCHIVE = """Cycle_Index,Start_Time,End_Time,Test_Time (s),Min_Current (A),Max_Current (A),Min_Voltage (V),\
Max_Voltage (V),Charge_Capacity (Ah),Discharge_Capacity (Ah),Charge_Energy (Wh),Discharge_Energy (Wh)
1.0,2018-07-17 10:08:40.004764,2018-07-17 14:42:30.748831,16440.7,-1.5,1.4,1.999,4.2,1.88,1.96,11.0,10.6
2.0,2018-07-17 14:42:30.811907,2018-07-17 19:18:55.016475,33025.0,-1.5,1.4,1.999,4.2,1.97,1.95,11.3,10.6
3.0,2018-07-17 19:18:55.143193,2018-07-17 23:54:46.340809,49576.3,-1.5,1.4,1.999,4.2,3.88,3.84,22.4,20.6
4.0,2018-07-18 06:57:40.652991,2018-07-18 10:20:02.129244,87092.1,-2.9,1.4,1.999,4.2,0.0,0.0,0,0
5.0,2018-07-18 10:22:02.184236,2018-07-18 13:43:54.794967,99324.7,-2.9,1.4,1.999,4.2,0.02,0.01,0,0
6.0,2018-07-18 13:45:54.850184,2018-07-18 17:07:14.760139,111524.7,-3.0,1.4,1.999,4.2,1.92,1.94,11.1,10.2
6.0,2018-07-18 17:09:14.793544,2018-07-18 20:30:09.963941,123699.9,-2.9,1.4,1.998,4.2,1.91,1.93,11.0,10.1
8.0,2018-07-18 20:32:10.000628,2018-07-18 23:52:36.876447,135846.8,-2.9,1.4,1.999,4.2,1.90,1.92,11.0,10.1
"""


def test_aborted_doubled_and_impossible_cycles_are_skipped_with_their_reason_and_never_end_a_file():
    rows = read("SNL_cycle_data.csv", BATTERYARCHIVE)
    assert capacities(rows) == [1.96, 1.95, 1.94, 1.92]
    assert reasons(rows) == ["aboveLimit", "noCapacity", "small", "twice"]
    assert [row.number for row in rows if row.taken] == [1, 2, 6, 8]
    assert rows[0].values["start_time"] == pd.Timestamp("2018-07-17 10:08:40.004764")
    assert rows[0].values["charge_Ah"] == 1.88


def test_an_index_column_without_name_and_float_cycle_numbers():
    text = (
        ",cycle,capacity,SoH,resistance,CCCT,CVCT\n0,1.0,1.1263,0.82,0.09,6613,2251\n1,2.0,1.1261,0.81,0.09,6612,2231\n"
    )
    _, proposal = proposed("CALCE.csv", text, 1.1)
    assert {"unitTaken", "ignored"} == {note.code for note in proposal.notes}
    rows = read("CALCE.csv", text, 1.1)
    assert (capacities(rows), [row.number for row in rows]) == ([1.1263, 1.1261], [1, 2])


OWN = "id_cycle,Time,ambient_temperature,Capacity\n"


def test_unquoted_decimal_commas_give_no_cycle():
    rows = read("own.csv", OWN + "1,2026-01-05T08:00:00,24,1,84\n2,2026-01-06T08:00:00,24,1.83\n")
    assert (reasons(rows), capacities(rows)) == (["surplus"], [1.83])


def test_a_comma_that_could_group_thousands_is_asked():
    text = "id_cycle;Time;Capacity;Duration\n1;2026-01-05T08:00:00;1.84;3,690\n2;2026-01-06T08:00:00;1.83;3,680\n"
    table, proposal = proposed("own.csv", text)
    (question,) = proposal.open
    assert question.said.values["value"] == "3,690"
    as_thousands = mapping.answered(proposal.mapping, question, question.options[1])
    assert not propose(table, rule(), known=as_thousands).open
    rows = read("own.csv", text, decimal=".", thousands=",", answered=["decimal"])
    assert [row.values["duration_s"] for row in rows] == [3690.0, 3680.0]


@pytest.mark.parametrize(
    ("column", "cells", "answers"),
    [
        ("Capacity", ("1856", "1846"), ["Ah", "mAh"]),
        ("capacity", ("1856", "1846"), ["Ah", "mAh"]),
        ("Temperature", ("298.15", "299.15"), ["degC", "K"]),
        ("Duration", ("57.5", "56.2"), ["s", "min", "h"]),
    ],
)
def test_units_that_do_not_fit_the_cell_are_asked(column, cells, answers):
    lines = [
        f"{i};1.8;{cell}" if column != "Capacity" and column != "capacity" else f"{i};{cell};0"
        for i, cell in enumerate(cells, 1)
    ]
    header = "id_cycle;Capacity;" + column if column not in ("Capacity", "capacity") else f"id_cycle;{column};x"
    table, proposal = proposed("own.csv", "\n".join([header, *lines]) + "\n")
    (question,) = proposal.open
    assert question.code.startswith("unit:")
    assert sorted(option.label for option in question.options) == sorted(answers)
    chosen = next(option for option in question.options if option.label == answers[1])
    confirmed = mapping.answered(proposal.mapping, question, chosen)
    row = next(iter(conversion.rows_of(table, confirmed, rule(), limits(CellFacts(), 2.0))))
    assert row.taken and not row.notes


def test_a_capacity_that_does_not_fit_the_description_is_asked_with_the_reason():
    _, proposal = proposed("own.csv", "cycle,capacity (Ah)\n1,2.9\n2,2.89\n", 2.0)
    (question,) = proposal.open
    assert question.said.code == "fit" and "2 Ah" in question.said.text


def test_extra_columns_are_ignored_with_a_note():
    _, proposal = proposed(
        "own.csv", OWN[:-1] + ",remark\n1,2026-01-05T08:00:00,24,1.84,good\n2,2026-01-06T08:00:00,24,1.83,\n"
    )
    (note,) = [note for note in proposal.notes if note.code == "ignored"]
    assert note.values["columns"] == "remark"


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("2026-01-05", "2026-01-05"), ("2026-01-05_08:00:00", "2026-01-05 08:00:00"),
        ("2026-01-05T08:00:00+02:00", "2026-01-05 06:00:00"), ("2026-01-05T08:00:00Z", "2026-01-05 08:00:00"),
        ("25.1.2026 08:00", "2026-01-25 08:00:00"), ("25/01/2026 08:00:00", "2026-01-25 08:00:00"),
        ("1/25/2026 08:00:00 PM", "2026-01-25 20:00:00"), ("1767600000", "2026-01-05 08:00:00"),
        ("1767600000000", "2026-01-05 08:00:00"), ("2026年01月05日 08:00:00", "2026-01-05 08:00:00"),
        ("2026/01/05 08:00:00,5", "2026-01-05 08:00:00.5"), ("46027.5", "2026-01-05 12:00:00"),
    ],
)  # fmt: skip
def test_forms_of_time(written, read_as):
    column = pd.Series([written])
    found, wrong = values.moments(column, values.date_order(column))
    assert not wrong.any() and pd.Timestamp(found[0]) == pd.Timestamp(read_as)


def test_dates_that_could_be_both_are_asked_and_those_that_grow_in_one_order_only_are_not():
    _, proposal = proposed("a.csv", "cycle;date;capacity\n1;05/06/2026 08:00;1.8\n2;05/06/2026 20:00;1.79\n")
    assert [question.code for question in proposal.open] == ["dates"]
    _, proposal = proposed(
        "a.csv", "cycle;date;capacity\n1;11/06/2026 08:00;1.8\n2;12/06/2026 08:00;1.79\n3;01/07/2026 08:00;1.78\n"
    )
    assert not proposal.open and proposal.mapping.dates == "dmy"


def test_a_bench_is_asked_its_zone_for_times_that_say_theirs():
    text = "cycle,date,capacity\n1,2026-01-05T08:00:00Z,1.8\n2,2026-01-06T08:00:00Z,1.79\n"
    _, proposal = proposed("a.csv", text, cell_has_times=True)
    assert [question.code for question in proposal.open] == ["zone"]
    assert not proposed("a.csv", text)[1].open
    rows = read("a.csv", text, zone="Europe/Paris")
    assert rows[0].values["start_time"] == pd.Timestamp("2026-01-05T09:00:00")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("first", ["", "sep=;\n"])
def test_encodings_of_excel(encoding, first):
    text = first + "Zyklus;Kapazität (Ah);Prüfling °C\n1;1,856;Ä\n2;1,84;Ö\n"
    assert capacities(read("a.csv", text.encode(encoding))) == [1.856, 1.84]


def test_columns_in_lower_case_with_their_unit():
    """As the summaries of battery archives have them."""
    text = "cycle_index,cycle_start_time,discharge_capacity_ah,charge_capacity_ah,coulombic_efficiency\n"
    rows = read("summary.csv", text + "1,2018-07-17 10:08:40,1.84,1.85,.99\n2,2018-07-17 14:08:40,1.83,1.84,.99\n")
    assert capacities(rows) == [1.84, 1.83] and rows[0].values["charge_Ah"] == 1.85


def test_chinese_headers_in_gbk():
    text = "循环号,放电容量(mAh),充电容量(mAh)\n1,1856.1,1860.2\n2,1846.5,1850.3\n".encode("gbk")
    assert capacities(read("neware.csv", text)) == [1.8561, 1.8465]


def test_thousands_and_decimal_comma_of_an_excel_in_french():
    text = "cycle;capacité (mAh)\n1;1.856,25\n2;1.846,10\n"
    assert capacities(read("a.csv", text)) == [1.8562, 1.8461]


def test_values_that_are_no_numbers_are_told_row_by_row():
    rows = read(
        "own.csv", OWN + "1,2026-01-05T08:00:00,warm,1.84\n2,never,24,1.83\n3,2026-01-07T08:00:00,24,abc\nx,,24,1.8\n"
    )
    assert [[note.code for note in row.notes] for row in rows] == [["notReadable"], ["notReadable"], [], []]
    assert reasons(rows) == ["notReadable", "notReadable"] and [row.line for row in rows] == [2, 3, 4, 5]


def test_a_time_that_is_not_later_is_left_out_of_its_cycle():
    rows = read("own.csv", OWN + "1,2026-01-05T08:00:00,24,1.84\n2,2026-01-05T08:00:00,24,1.83\n")
    assert "start_time" not in rows[1].values and rows[1].notes[0].code == "notLater"


# --- samples


def arbin() -> str:
    restarts = MADE.groupby(["cycle", "step"])["t"].transform(lambda t: t - t.iloc[0])
    unix = (START.timestamp() + MADE["t"]).round().astype(int)
    charge = (MADE["i"].clip(lower=0).cumsum() / 360).round(6)
    return table_text({
        "Data_Point": range(1, len(MADE) + 1), "Test_Time": MADE["t"], "DateTime": unix, "Step_Time": restarts,
        "Step_Index": MADE["step"], "Cycle_Index": MADE["cycle"], "Current": MADE["i"], "Voltage": MADE["v"],
        "Charge_Capacity": charge, "Discharge_Capacity": charge, "Internal_Resistance": 0.01, "Temperature": 25.5,
    })  # fmt: skip


def maccor() -> str:
    head = "Name:\tTest\nChannel:\t81\nTester\tMaccor #4\nStarted\t13/03/2024 08:00:00\nSCap\t0,017\n\n"
    text = table_text({
        "Rec": range(1, len(MADE) + 1), "Cycle P": 0, "Cycle C": MADE["cycle"], "Step": MADE["step"],
        "TestTime": MADE["t"] / 60, "StepTime": 0.5, "Cap. [Ah]": 0.1, "Current [A]": MADE["i"].abs(),
        "Voltage [V]": MADE["v"], "Md": MADE["state"],
        "DPT Time": (CLOCK + pd.Timedelta(days=12)).dt.strftime("%d/%m/%Y %H:%M:%S"),
    }, "\t", ",", head)  # fmt: skip
    return text.replace("DPT Time\n", "DPT Time\n\n")


def bdf(sign: float = 1.0) -> str:
    time = MADE["t"].copy()
    time.iloc[np.flatnonzero(MADE["step"].diff() != 0)[1:]] = 0.0
    return table_text({"test_time_second": time, "voltage_volt": MADE["v"], "current_ampere": sign * MADE["i"],
                       "cycle_count": 1, "step_index": MADE["step"], "temperature_t1_celsius": 26.5})  # fmt: skip


def clock_time(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def neware_flat() -> str:
    steps = MADE["state"].map({"C": "恒流充电", "D": "恒流放电", "R": "搁置"})
    return table_text({"循环号": MADE["cycle"], "工步类型": steps,
                       "总时间": MADE["t"].map(clock_time), "电流(mA)": 1000 * MADE["i"],
                       "电压(V)": MADE["v"]})  # fmt: skip


def neware_nested() -> str:
    lines = [
        "Cycle ID,Cap_Chg(mAh),Cap_DChg(mAh)",
        ",Step ID,Step Name,Step Time",
        ",,Record ID,Time(h:min:s.ms),Voltage(V),Current(mA)",
    ]
    for cycle, of_cycle in MADE.groupby("cycle"):
        lines.append(f"{cycle},1800,1800")
        for (step, _), part in of_cycle.groupby([(of_cycle["state"] != of_cycle["state"].shift()).cumsum(), "state"]):
            lines.append(f",{step},{part['state'].iloc[0]},0:30:00")
            lines += [
                f",,{i},{clock_time(row.t)},{row.v:.4f},{1000 * row.i:.1f}"
                for i, row in enumerate(part.itertuples(), 1)
            ]
    return "\n".join(lines) + "\n"


def biologic() -> str:
    head = "EC-Lab ASCII FILE\nNb header lines : 4\nGalvanostatic cycling\n"
    return table_text({"mode": 1, "time/s": MADE["t"], "Ecell/V": MADE["v"], "I/mA": 1000 * MADE["i"],
                       "cycle number": MADE["cycle"] - 1.0}, "\t", head=head)  # fmt: skip


def german() -> bytes:
    return table_text({"Zeit [h]": MADE["t"] / 3600, "Spannung [V]": MADE["v"], "Strom [A]": MADE["i"],
                       "Temperatur [°C]": MADE["temp"]}, ";", ",").encode("cp1252")  # fmt: skip


def basytec() -> bytes:
    head = "~Resultfile from Basytec Battery Test System\n~Name of Test: made\n~Start of Test: 01.03.2024 08:00:00\n"
    columns = {"~Time[h]": MADE["t"] / 3600, "DataSet": range(len(MADE)), "t-Step[h]": 0.1, "Line": MADE["step"],
               "Command": "Charge", "U[V]": MADE["v"], "I[A]": MADE["i"], "Ah[Ah]": 0.1, "T1[°C]": 25.0,
               "Cyc-Count": MADE["cycle"], "State": 0}  # fmt: skip
    return table_text(columns, "\t", head=head).encode("cp1252")


def novonix() -> str:
    head = "[Summary]\nNovonix Test System,UHPC\n[End Summary]\n\n[Data]\n"
    return table_text({
        "Date and Time": CLOCK.dt.strftime("%Y-%m-%d %I:%M:%S %p"), "Cycle Number": MADE["cycle"] - 1,
        "Step Type": MADE["state"].map({"C": 7, "D": 9, "R": 0}), "Run Time (h)": MADE["t"] / 3600,
        "Step Time (h)": 0.1, "Current (A)": MADE["i"], "Potential (V)": MADE["v"], "Capacity (Ah)": 0.1,
        "Temperature (°C)": 25.0, "Circuit Temperature (°C)": 31.0,
    }, head=head)  # fmt: skip


def landt() -> str:
    return table_text({"Record": range(1, len(MADE) + 1), "Cycle-Index": MADE["cycle"], "Step-Index": MADE["step"],
                       "TestTime/Sec": MADE["t"], "StepTime/Sec": 1.0, "Current/mA": 1000 * MADE["i"],
                       "Capacity/mAh": 0.5, "Voltage/V": MADE["v"],
                       "SysTime": CLOCK.dt.strftime("%Y-%m-%d %H:%M:%S")})  # fmt: skip


def pec() -> str:
    head = "PEC ATS Results\nTest Description,made\n\n"
    return table_text({"Test": 57, "Cell ID": "C_1", "Load On time": "03/13/2024 08:00:00", "Step Time (Seconds)": 1.0,
                       "Total Time (Seconds)": MADE["t"], "Total Time (hh:mm:ss)": MADE["t"].map(clock_time),
                       "Step": MADE["step"], "Cycle": MADE["cycle"], "Voltage (mV)": 1000 * MADE["v"],
                       "Current (mA)": 1000 * MADE["i"]}, head=head)  # fmt: skip


def digatron() -> str:
    status = MADE["state"].map({"C": "CHA", "D": "DCH", "R": "PAU"})
    return table_text({"Step": MADE["step"], "Status": status, "Prog Time": MADE["t"].map(clock_time),
                       "Cycle": MADE["cycle"], "Voltage": MADE["v"], "Current": MADE["i"], "AhAccu": 0.1},
                      ";", ",", "Digatron Data File\nCircuit;1\n\n")  # fmt: skip


def whole_seconds() -> str:
    """Time stamps without fractions, some of which step back by one."""
    whole = MADE["t"].round().astype(int)
    whole.iloc[5::200] -= 11
    return table_text({"Time (s)": whole, "Voltage (V)": MADE["v"], "Current (A)": MADE["i"]})


def step_numbers_that_repeat() -> str:
    """The step's number and time begin anew in every loop of the protocol; the test's own time runs on."""
    in_step = MADE.groupby(["cycle", "step"])["t"].transform(lambda t: t - t.iloc[0])
    return table_text({"Step": MADE["step"], "Step Time (s)": in_step, "Test Time (s)": MADE["t"],
                       "Voltage (V)": MADE["v"], "Current (A)": MADE["i"]})  # fmt: skip


def counters_that_run_on() -> str:
    """Of a tester whose capacities are never set back, or at each step: the current says what was discharged."""
    passed = (MADE["i"].abs().cumsum() / 360).round(4)
    return table_text({"Time (s)": MADE["t"], "Voltage (V)": MADE["v"], "Current (A)": MADE["i"],
                       "Discharge Capacity (Ah)": passed, "Capacity (Ah)": passed % 0.5})  # fmt: skip


def a_number_at_each_charge() -> str:
    """The tester counts a cycle at each charge, also where no discharge came between."""
    number = 2 * MADE["cycle"] - (MADE["t"].groupby(MADE["cycle"]).rank() < 100).astype(int)
    return table_text({"Time (s)": MADE["t"], "Voltage (V)": MADE["v"], "Current (A)": MADE["i"], "Cycle": number})


def parquet() -> bytes:
    out = io.BytesIO()
    pd.DataFrame({"Test Time / s": MADE["t"], "Voltage / V": MADE["v"], "Current / A": MADE["i"],
                  "Cycle Count / 1": MADE["cycle"]}).to_parquet(out)  # fmt: skip
    return out.getvalue()


def excel() -> bytes:
    out = io.BytesIO()
    with pd.ExcelWriter(out) as book:
        pd.DataFrame({"Test": ["made"]}).to_excel(book, sheet_name="Info", index=False)
        frame = pd.DataFrame(
            {"Date_Time": CLOCK, "Test_Time(s)": MADE["t"], "Current(A)": MADE["i"], "Voltage(V)": MADE["v"]}
        )
        frame.to_excel(book, sheet_name="Channel_1", index=False)
    return out.getvalue()


def units_below() -> str:
    text = table_text({"Time": MADE["t"] / 60, "Voltage": 1000 * MADE["v"], "Current": -1000 * MADE["i"]}, ";")
    return text.replace("Time;Voltage;Current\n", "Time;Voltage;Current\nmin;mV;mA\n")


WITH_DATES = ("arbin.csv", "maccor.txt", "arbin.xlsx", "novonix.csv", "landt.csv")


@pytest.mark.parametrize(
    ("name", "content", "numbers"),
    [
        ("arbin.csv", arbin(), [1, 2, 3]), ("maccor.txt", maccor(), [1, 2, 3]), ("made.bdf.csv", bdf(), None),
        ("made.bdf.csv.gz", gzip.compress(bdf().encode()), None), ("neware.csv", neware_flat(), [1, 2, 3]),
        ("neware_nested.csv", neware_nested(), [1, 2, 3]), ("biologic.mpt", biologic(), [0, 1, 2]),
        ("german.csv", german(), None), ("basytec.txt", basytec(), [1, 2, 3]), ("novonix.csv", novonix(), [0, 1, 2]),
        ("landt.csv", landt(), [1, 2, 3]), ("pec.csv", pec(), [1, 2, 3]), ("digatron.csv", digatron(), [1, 2, 3]),
        ("whole_seconds.csv", whole_seconds(), None), ("steps.csv", step_numbers_that_repeat(), None),
        ("counters.csv", counters_that_run_on(), None), ("charges.csv", a_number_at_each_charge(), [2, 4, 6]),
        ("made.bdf.parquet", parquet(), [1, 2, 3]), ("arbin.xlsx", excel(), None),
        ("units.csv", units_below(), None),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 40 else "",
)  # fmt: skip
def test_samples_of_every_form_give_the_same_cycles(name, content, numbers):
    rows = read(name, content)
    assert capacities(rows) == pytest.approx([1.8, 1.8, 1.8], rel=4e-3)
    assert [row.number for row in rows] == (numbers or [None] * 3)
    dates = {row.values["start_time"].date() for row in rows if "start_time" in row.values}
    assert all(date.year == 2024 for date in dates), "a duration is no time of today"
    assert bool(dates) == (name in WITH_DATES)


def test_one_sample_at_0_between_others_is_left_out_and_told():
    progress = Progress()
    table, proposal = proposed("made.bdf.csv", bdf())
    rows = list(conversion.rows_of(table, proposal.mapping, rule(), limits(CellFacts(), 2.0), progress))
    assert len(rows) == 3
    assert {"notLaterSamples", "noCycleCount"} <= {note.code for note in progress.notes}


def test_minutes_are_found_by_the_second_clock():
    _, proposal = proposed("maccor.txt", maccor())
    assert (proposal.mapping.columns["time"].unit, proposal.mapping.decimal) == ("min", ",")
    assert (proposal.mapping.sign, proposal.mapping.dates) == ("byState", "dmy")


def test_a_time_that_restarts_gives_way_to_the_second_clock_or_is_refused():
    restarts = MADE.groupby("cycle")["t"].transform(lambda t: t - t.iloc[0])
    columns = {"Test Time": restarts, "Current(A)": MADE["i"], "Voltage(V)": MADE["v"]}
    with pytest.raises(Refused, match="starts anew 2 times"):
        read("a.csv", table_text(columns))
    assert len(capacities(read("a.csv", table_text(columns | {"DateTime": CLOCK})))) == 3


def test_milliamperes_named_as_amperes_are_asked():
    text = table_text({"Test Time (s)": MADE["t"], "Current (A)": 100 * MADE["i"], "Voltage (V)": MADE["v"]})
    _, proposal = proposed("a.csv", text)
    assert [question.code for question in proposal.open] == ["unit:current"]


def test_nasas_mat_becomes_samples():
    rows = read("B0099.mat", raw_files.mat_bytes("B0099", [1.9, 1.85, 1.8]))
    assert capacities(rows) == pytest.approx([1.9, 1.85, 1.8], rel=4e-3)
    assert rows[0].values["ambient_temperature_degC"] == 24.0 and rows[0].values["start_time"].year == 2008


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.csv", b"", "empty"), ("a.csv", b"\x00\x01\x02\x80" * 50, "notText"),
        ("a.csv", b"1,2,3\n4,5,6\n", "noHeader"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "oldExcel"),
        ("a.mat", b"MATLAB 7.3 MAT-file" + bytes(200), "matlab73"),
        ("a.mat", b"MATLAB 5.0 MAT-file" + bytes(200), "notNasa"), ("a.parquet", b"PAR1" + bytes(30), "broken"),
        ("a.csv.gz", b"\x1f\x8b" + bytes(30), "broken"), ("a.csv", b"a;b\n\n\n", "noHeader"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_in_one_line(name, content, code):
    with pytest.raises(Unreadable) as refused:
        formats.read(name, content)
    assert refused.value.code == code and "\n" not in str(refused.value)


@pytest.mark.parametrize(("name", "package"), [("a.nda", "fastnda"), ("a.mpr", "galvani")])
def test_a_format_that_needs_a_package_names_it(name, package, monkeypatch):
    def absent(module: str) -> None:
        raise ImportError(module)

    monkeypatch.setattr(formats.importlib, "import_module", absent)
    with pytest.raises(Unreadable, match=f"pip install {package}"):
        formats.read(name, b"some bytes")


# --- numbers of cycles


def test_a_file_brought_in_twice_doubles_nothing():
    rows = read("SNL_cycle_data.csv", BATTERYARCHIVE)
    _, proposal = proposed("SNL_cycle_data.csv", BATTERYARCHIVE)
    first, question = conversion.numbered(rows, proposal.mapping, {})
    assert question is None and [row.number for row in first if row.taken] == [1, 2, 6, 8]
    known = {row.number or 0: row.values["capacity_Ah"] for row in first if row.taken}
    again, question = conversion.numbered(rows, proposal.mapping, known)
    assert question is None and not any(row.taken for row in again)
    assert [row.skipped.code for row in again if row.skipped and row.skipped.code == "recorded"] == ["recorded"] * 4


def test_other_capacities_under_recorded_numbers_are_asked_and_numbered_on():
    rows = read("own.csv", OWN + "1,,24,1.84\n2,,24,1.83\n")
    _, proposal = proposed("own.csv", OWN + "1,,24,1.84\n2,,24,1.83\n")
    _, question = conversion.numbered(rows, proposal.mapping, {1: 1.9, 2: 1.89, 3: 1.88})
    assert question is not None
    confirmed = mapping.answered(proposal.mapping, question, question.options[0])
    numbered, question = conversion.numbered(rows, confirmed, {1: 1.9, 2: 1.89, 3: 1.88})
    assert question is None and [row.number for row in numbered if row.taken] == [4, 5]


# --- the real files


@pytest.mark.parametrize(
    ("file", "rated_Ah", "end_V", "taken", "skipped"),
    [
        ("02_SNL_18650_NMC_25C_0-100_0.5-1C_a_cycle_data.csv", 3.0, 2.0, 514, 6),
        ("05_arbin_example.csv", 1.1, 2.0, 2, 0),
        ("06_CALCE_CS2_35.csv", 1.1, 2.7, 846, 0),
        ("07_maccor_two_decimal_comma.txt", 0.017, 2.5, 0, 0),
        ("10_SINTEF_SLPBA842124HV_Rate_Neware_Time_Bug.bdf.csv", 6.55, 3.0, 5, 0),
    ],
)
def test_real_files(file: str, rated_Ah: float, end_V: float, taken: int, skipped: int):
    path: Path = FILES / file
    if not path.exists():
        pytest.skip(f"needs the public file {file} in {FILES}")
    changes = {"dates": "dmy"} if file.startswith("07") else {}
    rows = read(file, path.read_bytes(), rated_Ah, end_V, **changes)
    assert (sum(row.taken for row in rows), len(reasons(rows))) == (taken, skipped)


@pytest.mark.parametrize(("separator", "decimal"), [(",", "."), (";", ",")])
def test_what_was_exported_is_read_again_without_a_question(separator, decimal):
    """As the HMI writes it in either language, and as LibreOffice saves it again: quoted where there is a comma."""
    columns = {
        "id_cycle": [1, 2], "Time": ["2026-01-05T08:00:00", "2026-01-06T08:00:00"], "type": "discharge",
        "ambient_temperature": [24.0, 24.0], "Capacity": [1.856, 1.846], "StateOfHealth": [92.8, 92.3],
        "Voltage_measured": [3.53, 3.525], "Current_measured": [-1.818, -1.817], "Duration": [3690.234, 3672.5],
    }  # fmt: skip
    text = table_text(columns, separator, decimal)
    for content in (text.encode("utf-8-sig"), text.replace("1;", '"1";', 1).encode("utf-16")):
        rows = read("B0005.csv", content)
        assert capacities(rows) == [1.856, 1.846] and [row.number for row in rows] == [1, 2]
        assert rows[0].values["duration_s"] == 3690.234 and rows[0].values["current_mean_A"] == -1.818


@pytest.mark.long
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize(("language", "separator", "locale"), [("fr", ";", 1036), ("en", ",", 1033)])
def test_what_was_exported_comes_in_again_opened_and_saved_by_libreoffice(tmp_path, language, separator, locale, kind):
    office = shutil.which("soffice")
    if office is None:
        pytest.skip("needs LibreOffice (on Debian: apt-get install libreoffice-calc-nogui)")
    rows = [
        {"id_cycle": n, "Time": f"2026-01-{n + 4:02d}T08:00:00", "type": "discharge", "ambient_temperature": 24.0,
         "Capacity": 1.856 - 0.01 * n, "Current_measured": -1.818, "Duration": 3690.234, "Re": 0.0447}
        for n in (1, 2, 3)
    ]  # fmt: skip
    page: Any = SimpleNamespace(
        twin=SimpleNamespace(records=lambda _: SimpleNamespace(value=rows)), words=SimpleNamespace(code=language)
    )
    exported = tmp_path / "B0005.csv"
    exported.write_bytes(records_csv(page, "B0005"))
    form = f"Text - txt - csv (StarCalc):{ord(separator)},34,76,1,,{locale}"
    saved = f"csv:{form},false,true" if kind == "csv" else kind
    command = [office, "--headless", f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}", f"--infilter={form}"]
    subprocess.run(
        [*command, "--convert-to", saved, "--outdir", tmp_path / "saved", exported], check=True, capture_output=True
    )
    found = read(f"B0005.{kind}", (tmp_path / "saved" / f"B0005.{kind}").read_bytes())
    assert capacities(found) == [1.846, 1.836, 1.826] and [row.number for row in found] == [1, 2, 3]
    assert [row.values["start_time"].day for row in found] == [5, 6, 7]
    values_ = found[0].values
    assert (values_["current_mean_A"], values_["duration_s"], values_["Re_ohm"]) == (-1.818, 3690.234, 0.0447)
