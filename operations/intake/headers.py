"""What the columns of a table are called by cyclers, standards and people, in several languages, and what they mean.

A header is taken apart into a name and a unit: "Voltage / V", "Voltage(V)", "voltage_volt", "电压(V)", "Ecell/V". The
name is looked up, never guessed from its numbers. Sources of names: Battery Data Format; exports of Arbin, Neware,
Maccor, BioLogic, Basytec, Digatron, Landt, Novonix; batteryarchive.org; CALCE; this twin's own records.
"""

from __future__ import annotations

import re

from aasx.vocabulary import RECORD_COLUMNS
from operations.intake.values import unit_named

SAMPLE_TARGETS = {
    "time": "time", "moment": None, "voltage": "voltage", "current": "current", "temperature": "temperature",
    "ambient": "temperature", "cycle": None, "state": None,
}  # fmt: skip
"""What a sample is made of, and the dimension of its unit. `moment`: date and time; `state`: charge or discharge."""

_DIMENSIONS = {
    "s": "time",
    "h": "time",
    "V": "voltage",
    "A": "current",
    "°C": "temperature",
    "Ah": "charge",
    "Ω": "resistance",
}
CYCLE_TARGETS: dict[str, str | None] = {
    column.id_short: _DIMENSIONS.get(column.unit or "")
    for column in RECORD_COLUMNS
    if column.id_short not in ("type", "StateOfHealth")
}
"""What a cycle is made of: the columns of its record, by idShort."""

RECORD_UNITS = {
    column.id_short: {"°C": "degC", "Ω": "ohm"}.get(column.unit or "", column.unit) for column in RECORD_COLUMNS
}
"""The unit a record's column is kept in."""

_SAMPLES = {
    "time": "test time|testtime|total time|time|elapsed time|elapsed|run time|running time|prog time|t|zeit|testzeit|"
    "prüfzeit|pruefzeit|gesamtzeit|laufzeit|temps|temps écoulé|temps total|durée totale|测试时间|总时间|时间|"
    "relative time|experiment time|seconds",
    "moment": "date time|datetime|date and time|dpt time|timestamp|time stamp|date|unix time|absolute time|"
    "real time|system time|systime|sys time|"
    "datum|datum zeit|datum uhrzeit|zeitstempel|date heure|horodatage|系统时间|绝对时间|日期|date time iso|dpttime|"
    "realtime|start time|utc time|local time",
    "voltage": "voltage|volt|volts|u|ecell|ewe|potential|terminal voltage|cell voltage|voltage measured|spannung|"
    "zellspannung|tension|电压|pack voltage|battery voltage|v",
    "current": "current|curr|i|amps|current measured|strom|zellstrom|courant|电流|pack current|battery current|"
    "cell current|<i>",
    "temperature": "temperature|temp|cell temperature|temperature measured|aux temperature 1|aux temperature|t1|"
    "temperature t1|temperatur|zelltemperatur|température|温度|辅助温度|aux temp|temperature 1|surface temperature|"
    "battery temperature|evtemp|temp 1",
    "ambient": "ambient temperature|environment temperature|chamber temperature|umgebungstemperatur|"
    "température ambiante|环境温度|environmental temperature|oven temperature",
    "cycle": "cycle index|cycle|cycle number|cycle count|cycle id|cycle no|cyc#|cycle c|cyc|zyklus|zyklusnummer|"
    "numéro de cycle|循环号|循环序号|循环|cycle p|id cycle|test cycle|cyc count",
    "state": "md|state|status|step type|step name|mode|工步类型|工步名称|状态|zustand|état|command",
}
_CYCLES = {
    "id_cycle": "cycle index|cycle|cycle number|cycle count|cycle id|cycle no|cyc#|cyc|zyklus|zyklusnummer|"
    "numéro de cycle|循环号|循环序号|循环|id cycle|cycle c",
    "Time": "start time|cycle start time|start|date|date time|datetime|timestamp|cycle start|startzeit|beginn|datum|"
    "début|date heure|"
    "开始时间|日期|unix time|startdatum|date de début|time",
    "Capacity": "discharge capacity|capacity|capacity discharge|dischg cap|dchg cap|dchg capacity|q discharge|"
    "qdischarge|discharge cap|discharging capacity|entladekapazität|kapazität|kapazitaet|capacité|"
    "capacité de décharge|放电容量|容量|cap|q dchg|dischargecapacity|discharge q|disc cap",
    "ChargeCapacity": "charge capacity|chg cap|chg capacity|q charge|qcharge|charging capacity|ladekapazität|"
    "capacité de charge|capacité chargée|充电容量|chargecapacity",
    "ambient_temperature": "ambient temperature|environment temperature|chamber temperature|umgebungstemperatur|"
    "température ambiante|环境温度",
    "Temperature_measured": "max temperature|maximum temperature|max cell temperature|temperature max|"
    "cell temperature max|temperature|température|temperatur|temperature measured|最高温度",
    "Duration": "duration|discharge time|discharge duration|dauer|entladezeit|durée|durée de décharge|放电时间",
    "DischargeCurrent": "discharge current|entladestrom|courant de décharge|放电电流",
    "Re": "re", "Rct": "rct",
}  # fmt: skip


def _table(names: dict[str, str]) -> dict[str, tuple[str, int]]:
    """Name -> what it means and how good the name is (0 the best)."""
    found: dict[str, tuple[str, int]] = {}
    for target, known in names.items():
        for rank, name in enumerate(known.split("|")):
            found.setdefault(name, (target, rank))
    return found


SAMPLE_NAMES, CYCLE_NAMES = _table(_SAMPLES), _table(_CYCLES)

OWN = {column.id_short: column.id_short for column in RECORD_COLUMNS} | {
    "Current_load": "Current_charge",
    "Voltage_load": "Voltage_charge",
}
_BRACKETS = re.compile(r"^(.*?)\s*[\[(（]\s*([^\[\]()（）]*?)\s*[\])）]\s*$")
_SLASH = re.compile(r"^(.*\S)\s*/\s*(\S[^/]*)$")
_IN = re.compile(r"^(.+?) in (\S+)$", re.IGNORECASE)
_LAST = re.compile(r"^(.+?)_([A-Za-z]+(?:_hour)?)$")
_SHORT_UNITS = {"V", "mV", "A", "mA", "Ah", "mAh", "s", "ms", "min", "h", "degC", "K", "ohm", "mohm", "Wh"}
_LOWER_UNITS = {"ah", "mah", "wh", "mwh", "ma", "mv", "degc"}
"""Of names that are all in lower case: discharge_capacity_ah."""


def taken_apart(header: str) -> tuple[str, str | None]:
    """Name in lower case with single spaces, and the unit (as in `values.UNITS`) where the header says one."""
    text, unit = re.sub(r"\s*#\d+$", "", header.strip().strip("\"'")), None
    for pattern in (_BRACKETS, _SLASH, _IN):
        if (match := pattern.match(text)) and match[1]:
            unit = unit_named(match[2])
            text = match[1] if unit or pattern is _BRACKETS or match[2] in ("1", "-") else text
            break
    else:
        match = _LAST.match(text)
        ends_in_unit = match and (
            match[2] in (*_SHORT_UNITS, *_LOWER_UNITS) or (len(match[2]) > 3 and unit_named(match[2]))
        )
        if match and ends_in_unit:
            text, unit = match[1], unit_named(match[2])
        elif match and (wider := re.match(r"^(.+)_(ampere_hour|watt_hour|milliampere_hour)$", text)):
            text, unit = wider[1], unit_named(wider[2])
    name = re.sub(r"[\s_.:~-]+", " ", text).strip().lower()
    return name, unit


def own_column(header: str) -> str | None:
    """The column of a record that a header of the twin's own tables names: the idShort, with or without a unit."""
    return OWN.get(_BRACKETS.sub(r"\1", header.strip()).strip())
