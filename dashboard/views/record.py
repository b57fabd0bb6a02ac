"""Bringing data in: a cycle (form), a file of any cycler, live values, a correction, a new cell (form or YAML file)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from aasx.vocabulary import RECORD_COLUMNS
from dashboard import state
from dashboard.components import pieces
from dashboard.page import Page
from dashboard.reading.twin import Trouble
from dashboard.texts.language import escape, parse_number
from dashboard.views.recording.correction import correction_form
from dashboard.views.recording.feed import feed_form
from dashboard.views.recording.file_import import file_form

TABS = ("cycle", "table", "feed", "correction", "cell")
REQUIRED = ("id_cycle", "Capacity")
TEXT_COLUMNS = ("Time", "type")
INPUTS = {column.id_short: column for column in RECORD_COLUMNS}
OPTIONAL = ("Temperature_measured", "Voltage_measured", "Current_measured", "DischargeCurrent", "Duration", "Re", "Rct",
            "ChargeCapacity")  # fmt: skip
COMPUTED = ("StateOfHealth",)  # the twin computes it; a column of this name in a file is not sent
SAMPLE_HEADER = "Time,Voltage_measured,Current_measured,Temperature_measured"

# Fields of a cell's description by section of the form: name, unit, is a number
CELL_SECTIONS = {
    "cell": (
        ("cell", "", False), ("source", "", False), ("cell_type", "", False), ("chemistry", "", False),
        ("form", "", False), ("series_count", "", True), ("parallel_count", "", True), ("designation_en", "", False),
        ("designation_fr", "", False),
    ),
    "size": (
        ("rated_capacity_Ah", "Ah", True), ("end_of_life_percent", "%", True), ("end_of_life_capacity_Ah", "Ah", True),
        ("capacity_end_voltage_V", "V", True), ("expected_life_cycles", "cycles", True),
        ("rul_warning_cycles", "cycles", True), ("rul_critical_cycles", "cycles", True),
    ),
    "limits": (
        ("lowest_cell_voltage_V", "V", True), ("highest_cell_voltage_V", "V", True),
        ("highest_charge_current_A", "A", True), ("highest_discharge_current_A", "A", True),
    ),
    "protocol": (
        ("cut_off_voltage_V", "V", True), ("charge_current_A", "A", True), ("charge_voltage_V", "V", True),
        ("charge_cut_off_current_A", "A", True), ("discharge_currents_A", "A", True),
        ("ambient_temperatures_degC", "°C", True),
    ),
}  # fmt: skip
CELL_FIELDS = tuple(field for fields in CELL_SECTIONS.values() for field in fields)
SHOWN_CHARACTERS = 200
SAMPLES_MB = 2  # of one discharge or charge; the twin takes 1.5 million characters
COUNTS = ("series_count", "parallel_count")
LISTS = ("discharge_currents_A", "ambient_temperatures_degC")


def show(page: Page) -> None:
    words = page.words
    state.bound("tab", "record_tab", TABS, "cycle")
    st.segmented_control(
        words("record.what"), TABS, key="record_tab", required=True, label_visibility="collapsed",
        format_func=lambda name: words(f"record.{name}"), on_change=state.keep("tab", "record_tab"),
    )  # fmt: skip
    forms = {
        "cycle": cycle_form,
        "table": file_form,
        "feed": feed_form,
        "correction": correction_form,
        "cell": new_cell,
    }
    forms[st.session_state["record_tab"]](page)


# ---- one cycle ----------------------------------------------------------------------------------------------


def next_cycle(page: Page, cell: str) -> int:
    """After the last one; the numbers of withdrawn cycles are not given again."""
    records = page.twin.records(cell).value
    return max([0, *page.twin.withdrawn(cell), *(row["id_cycle"] for row in records[-1:])]) + 1


def last_ambient(page: Page, cell: str) -> float | None:
    """In °C, as the last cycle has it: proposed for the next one."""
    records = page.twin.records(cell).value
    return records[-1].get("ambient_temperature") if records else None


def cycle_form(page: Page) -> None:
    words = page.words
    cell = page.choose_cell("record_cell", words("record.into"))
    if cell is None:
        return
    with page.card("cycle_form"):
        page.title(words("record.cycle.title"), words("record.cycle.hint"))
        number = next_cycle(page, cell)
        given: dict[str, Any] = {}
        with st.form(f"cycle_{cell}_{number}", border=False):
            columns = st.columns(4)
            written = {
                "id_cycle": columns[0].text_input(label(page, "id_cycle", True), str(number),
                                                  key=f"in_id_{cell}_{number}"),
                "Time": columns[1].text_input(words("record.time"), datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
                                              key=f"in_time_{cell}_{number}", help=words("record.time.help")),
                "ambient_temperature": columns[2].text_input(label(page, "ambient_temperature"),
                                                             words.plain(last_ambient(page, cell)),
                                                             key=f"in_ambient_{cell}_{number}"),
                "Capacity": columns[3].text_input(label(page, "Capacity"), key=f"in_capacity_{cell}_{number}",
                                                  help=words("record.capacity.help")),
            }  # fmt: skip
            with st.expander(words("record.more")):
                for index, name in enumerate(OPTIONAL):
                    if index % 4 == 0:
                        more = st.columns(4)
                    written[name] = more[index % 4].text_input(label(page, name), key=f"in_{name}_{cell}_{number}")
            with st.expander(words("record.samples")):
                page.html(f'<p class="hint">{escape(words("record.samples.hint", header=SAMPLE_HEADER))}</p>')
                files = st.columns(2)
                for column, name in zip(files, ("DischargeSamples", "ChargeSamples"), strict=True):
                    given[name] = column.file_uploader(
                        words(f"record.{name}"), type=["csv"], key=f"in_{name}_{number}", max_upload_size=SAMPLES_MB
                    )
            sent = st.form_submit_button(words("record.append"), type="primary", icon=":material/add:")
        if sent:
            append_one(page, cell, written, given)
    said = st.session_state.pop("_appended", None)
    if said:
        page.notice(*said)


def label(page: Page, name: str, required: bool = False) -> str:
    return page.words.concept(name, unit=True) + (" *" if required else "")


def append_one(page: Page, cell: str, written: dict[str, str], files: dict[str, Any]) -> None:
    words, row = (
        page.words,
        check_row(
            page, {name: text for name, text in written.items() if text.strip()}, bool(files["DischargeSamples"])
        ),
    )
    if row.problems:
        for problem in row.problems:
            page.notice("warning", problem)
        return
    for name, file in files.items():
        if file is not None:
            row.values[name] = file.getvalue().decode("utf-8-sig", errors="replace")
    answer = page.attempt(lambda: page.twin.append_cycle(cell, row.values))
    if answer is None:
        return
    key = "record.present" if answer.get("Outcome") == "alreadyPresent" else "record.done"
    text = words(key, cycle=words.number(row.values["id_cycle"]), cell=page.name(cell),
                 rul=words.cycles(answer.get("RUL")),
                 soh=words.quantity(answer.get("StateOfHealth"), "%", 1))  # fmt: skip
    raised = answer.get("AlertsRaised") or 0
    if raised:
        text += " " + words("record.raised", count=raised)
    st.session_state["_appended"] = ("warning" if raised else "none", text)
    st.rerun()


@dataclass
class Row:
    """What the form holds: the inputs of AppendCycle it gives, and what is wrong with it."""

    values: dict[str, Any]
    problems: list[str] = field(default_factory=list)


def check_row(page: Page, written: dict[str, str], has_samples: bool = False) -> Row:
    """Reads one cycle; every problem names its column. What only the twin can know is checked there."""
    words, row = page.words, Row({})
    for name in REQUIRED:
        if not written.get(name, "").strip() and not (name == "Capacity" and has_samples):
            row.problems.append(words("record.problem.missing", column=words.concept(name)))
    for name, text in written.items():
        if not text.strip() or name in COMPUTED:
            continue
        if name not in INPUTS:
            row.problems.append(words("record.problem.unknown", column=name))
        elif name in TEXT_COLUMNS:
            if name == "Time" and not is_moment(text):
                row.problems.append(words("record.problem.time", value=text))
            elif name == "Time":
                row.values[name] = text.strip().replace(" ", "T")
        else:
            try:
                value = parse_number(text)
            except ValueError:
                row.problems.append(words("record.problem.number", column=words.concept(name), value=text))
                continue
            if name == "id_cycle" and (value != int(value) or value < 1):
                row.problems.append(words("record.problem.cycle", value=text))
            else:
                row.values[name] = int(value) if name == "id_cycle" else value
    return row


def is_moment(text: str) -> bool:
    try:
        return datetime.fromisoformat(text.strip()).tzinfo is None
    except ValueError:
        return False


# ---- a new cell ---------------------------------------------------------------------------------------------


def new_cell(page: Page) -> None:
    words = page.words
    left, right = st.columns([1.6, 1], gap="small")
    with left, page.card("cell_form"):
        page.title(words("record.cell.title"), words("record.cell.hint"))
        with st.form("new_cell", border=False):
            written = {}
            for section, fields in CELL_SECTIONS.items():
                page.html(f'<p class="section">{escape(words(f"section.{section}"))}</p>')
                for index, (name, unit, _) in enumerate(fields):
                    if index % 2 == 0:  # a row of its own, so that the order stays when a phone stacks the columns
                        columns = st.columns(2)
                    title = (
                        words(f"field.{name}")
                        + (f" ({words('unit.cycles') if unit == 'cycles' else unit})" if unit else "")
                        + (" *" if name in ("cell", "source") else "")
                    )
                    used = words(f"placeholder.{name}") if words.has(f"placeholder.{name}") else None
                    written[name] = columns[index % 2].text_input(
                        title, key=f"new_{name}", max_chars=200, placeholder=used
                    )
            sent = st.form_submit_button(words("record.add_cell"), type="primary", icon=":material/add:")
        if sent:
            description = page.attempt(lambda: described(page, written))
            if description is not None:
                add(page, description)
    with right, page.card("cell_file"):
        page.title(words("record.cell.file"), words("record.cell.file.hint"))
        file = st.file_uploader(words("record.file"), type=["yaml", "yml", "json"], key="cell_file", max_upload_size=1)
        if file is not None:
            mapping = page.attempt(lambda: read_description(file.getvalue()))
            if mapping is not None:
                page.html(
                    pieces.facts(
                        [(field_name(page, str(key)), str(value)[:SHOWN_CHARACTERS]) for key, value in mapping.items()]
                    )
                )
                if st.button(words("record.add_cell"), key="add_from_file", type="primary", icon=":material/add:"):
                    add(page, mapping)


def field_name(page: Page, name: str) -> str:
    return page.words(f"field.{name}") if page.words.has(f"field.{name}") else name


def described(page: Page, written: dict[str, str]) -> dict[str, Any]:
    """The form's fields as a cell description. Raises Trouble."""
    mapping: dict[str, Any] = {}
    for name, _, numeric in CELL_FIELDS:
        text = written[name].strip()
        if not text:
            continue
        try:
            if name in LISTS:
                mapping[name] = [parse_number(part) for part in text.replace(";", " ").split()]
            else:
                mapping[name] = parse_number(text) if numeric else text
                if name in COUNTS and mapping[name] == int(mapping[name]):
                    mapping[name] = int(mapping[name])
        except ValueError:
            raise Trouble(
                "invalidInput", page.words("not_a_number", field=field_name(page, name), value=text)
            ) from None
    return mapping


def read_description(content: bytes) -> dict[str, Any]:
    from aasx.cell_description import read_mapping

    try:
        return read_mapping(content)
    except ValueError as error:
        raise Trouble("invalidInput", str(error)) from error


def add(page: Page, mapping: dict[str, Any]) -> None:
    from aasx.cell_description import from_mapping

    words = page.words
    try:
        description = from_mapping(mapping)
    except ValueError as error:
        page.notice("critical", f"{words('trouble.invalidInput')} {error}")
        return
    with st.spinner(words("working")):
        try:
            added = page.twin.add_cell(description)
        except Trouble as trouble:
            page.show_trouble(trouble)
            return
    page.notice("none", words("record.cell.added", cell=added.display_name),
                href=state.link("cell", cell=added.cell), link=words("record.open"))  # fmt: skip
