"""Correcting what was recorded: other values for a cycle, or the cycle withdrawn, with name and reason. In `record`."""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from aasx.vocabulary import RECORD_COLUMNS
from dashboard import state
from dashboard.components import pieces
from dashboard.page import Page
from dashboard.reading.twin import Trouble
from dashboard.texts.language import MISSING, escape, parse_number

CORRECTABLE = [
    column.id_short for column in RECORD_COLUMNS if column.id_short not in ("id_cycle", "type", "StateOfHealth")
]
FIRST = ("Time", "ambient_temperature", "Capacity", "Temperature_measured")
SHOWN = 50


def correction_form(page: Page) -> None:
    words = page.words
    cell = page.choose_cell("record_cell", words("record.into"))
    if cell is None:
        return
    records = page.read(lambda: page.twin.records(cell))
    withdrawn = page.read(lambda: page.twin.withdrawn(cell))
    if records is None or withdrawn is None:
        return
    rows = {row["id_cycle"]: row for row in records.value}
    numbers = sorted({*rows, *withdrawn}, reverse=True)
    said = st.session_state.pop("_corrected", None)
    with page.card("correction"):
        page.title(words("record.correction.title"), words("record.correction.hint"))
        if said:
            page.notice(*said)
        if not numbers:
            page.notice("info", words("cell.no_history"))
            return
        key = f"correct_{cell}"
        state.bound("cycle", key, numbers, numbers[0], int)
        number = st.selectbox(
            words("record.correction.cycle"), numbers, key=key, on_change=state.keep("cycle", key),
            format_func=lambda one: words("record.correction.gone", cycle=one) if one in withdrawn else str(one),
        )  # fmt: skip
        form(page, cell, number, rows.get(number))
    entries = page.read(lambda: page.twin.corrections(cell))
    if entries is not None and entries.value:
        with page.card("corrections"):
            page.title(words("concept.corrections"))
            page.html(listing(page, entries.value))


def form(page: Page, cell: str, number: int, present: dict[str, Any] | None) -> None:
    """The values of the cycle as they are, to be changed; `present` is None for a withdrawn one."""
    words = page.words
    known = {name: shown(page, name, (present or {}).get(name)) for name in CORRECTABLE}
    with st.form(f"correct_{cell}_{number}", border=False):
        columns, written = st.columns(4), {}
        for index, name in enumerate(FIRST):
            written[name] = field(page, columns[index], cell, number, name, known[name])
        with st.expander(words("record.more")):
            for index, name in enumerate(one for one in CORRECTABLE if one not in FIRST):
                if index % 4 == 0:
                    more = st.columns(4)
                written[name] = field(page, more[index % 4], cell, number, name, known[name])
        withdraw = present is not None and st.checkbox(
            words("record.correction.withdraw"), key=f"withdraw_{cell}_{number}", help=words("record.correction.gap")
        )
        who, why = st.columns([1, 2])
        name = who.text_input(words("alerts.your_name") + " *", max_chars=100, key="correct_name")
        reason = why.text_input(words("limits.reason") + " *", max_chars=500, key=f"correct_reason_{cell}_{number}")
        sent = st.form_submit_button(words("record.correction.send"), type="primary", icon=":material/edit:")
    if sent:
        inputs = page.attempt(lambda: read_form(page, known, written, bool(withdraw), name.strip(), reason.strip()))
        if inputs is not None:
            send(page, cell, {"id_cycle": number, **inputs})


def field(page: Page, column: Any, cell: str, number: int, name: str, present: str) -> str:
    title = page.words("record.time") if name == "Time" else page.words.concept(name, unit=True)
    return column.text_input(title, present, key=f"correct_{name}_{cell}_{number}")


def shown(page: Page, name: str, value: Any) -> str:
    return str(value or "") if name == "Time" else page.words.plain(value)


def read_form(
    page: Page, known: dict[str, str], written: dict[str, str], withdraw: bool, name: str, reason: str
) -> dict[str, Any]:
    """Inputs of CorrectCycle: what differs from the values that were shown. Raises Trouble."""
    words = page.words
    changed = {key: text.strip() for key, text in written.items() if text.strip() != known[key]}
    if not name or not reason:
        raise Trouble("invalidInput", words("record.correction.who"))
    if withdraw and changed:
        raise Trouble("invalidInput", words("record.correction.either"))
    if not withdraw and not changed:
        raise Trouble("invalidInput", words("record.correction.nothing"))
    inputs: dict[str, Any] = {"CorrectedBy": name, "Comment": reason}
    if withdraw:
        return inputs | {"Withdrawn": True}
    for key, text in changed.items():
        title = words.concept(key)
        if not text:
            raise Trouble("invalidInput", words("record.correction.emptied", field=title))
        try:
            inputs[key] = text.replace(" ", "T") if key == "Time" else parse_number(text)
        except ValueError:
            raise Trouble("invalidInput", words("not_a_number", field=title, value=text)) from None
    return inputs


def send(page: Page, cell: str, inputs: dict[str, Any]) -> None:
    words = page.words
    answer = page.attempt(lambda: page.twin.correct_cycle(cell, inputs))
    if answer is None:
        return
    text = words(f"record.correction.{answer.get('Outcome')}", cycle=words.number(inputs["id_cycle"]), cell=cell)
    text += " " + words("record.correction.now", rul=words.cycles(answer.get("RUL")),
                        soh=words.quantity(answer.get("StateOfHealth"), "%", 1))  # fmt: skip
    if answer.get("AlertsRaised"):
        text += " " + words("record.raised", count=answer["AlertsRaised"])
    st.session_state["_corrected"] = ("none", text)
    st.rerun()


def listing(page: Page, entries: list[dict[str, Any]]) -> str:
    """The corrections, newest first, with the values before and after."""
    words = page.words
    columns = [(words(f"record.correction.column.{name}"), False) for name in ("cycle", "what", "who", "when", "why")]
    rows = []
    for entry in reversed(entries[-SHOWN:]):
        outcome = f"record.correction.did.{entry['Outcome']}"
        what = words(outcome) if words.has(outcome) else str(entry["Outcome"] or MISSING)
        rows.append([
            words.number(entry["id_cycle"]), f"{what} {changes(page, entry)}".strip(), entry["CorrectedBy"] or MISSING,
            words.moment(entry["CorrectedAt"]), entry["Comment"] or MISSING,
        ])  # fmt: skip
    left = len(entries) - SHOWN
    more = f'<p class="hint">{escape(words("aas.left_out", count=left))}</p>' if left > 0 else ""
    return pieces.table(columns, rows) + more


def changes(page: Page, entry: dict[str, Any]) -> str:
    """ "Capacity 1.2 → 1.72 Ah"; only of a correction, whose values are few."""
    try:
        old, new = (json.loads(entry[name] or "null") for name in ("OldValues", "NewValues"))
    except ValueError:
        return ""
    if entry["Outcome"] != "corrected" or not isinstance(old, dict) or not isinstance(new, dict):
        return ""

    def said(value: Any) -> str:
        return page.words.plain(value) or (str(value) if value is not None else MISSING)

    return ", ".join(
        f"{page.words.concept(name, unit=True)} {said(old.get(name))} → {said(value)}" for name, value in new.items()
    )
