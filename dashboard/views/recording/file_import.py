"""Cycles from a file of any cycler: upload into the AAS, proposal, mapping, preview, progress; through ImportFile."""

from __future__ import annotations

import json
import re
from typing import Any

import streamlit as st

from aasx.submodels import imports
from dashboard import state
from dashboard.components import pieces
from dashboard.page import Page
from dashboard.texts.language import MISSING, UNIT_SPACE, escape

TYPES = ["csv", "txt", "tsv", "mpt", "gz", "parquet", "xlsx", "xlsm", "nda", "ndax", "mpr", "mat"]
SAMPLES = ("time", "moment", "voltage", "current", "temperature", "ambient", "cycle", "state")
CYCLES = ("id_cycle", "Time", "Capacity", "ChargeCapacity", "ambient_temperature", "Temperature_measured", "Duration",
          "DischargeCurrent", "Re", "Rct")  # fmt: skip
NONE = "—"
UNITS = (NONE, "s", "min", "h", "V", "mV", "A", "mA", "Ah", "mAh", "degC", "K", "degF", "ohm", "mohm")
SIGNS = {"degC": "°C", "degF": "°F", "ohm": "Ω", "mohm": "mΩ"}
COMPUTED = re.compile(r"(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)(?: ([^\s\d]\S*))?")
OF_THE_FILE = ("decimal", "dates", "comma", "notReadable", "badNumbers")
"""What is told with a value as the file has it."""

MARKDOWN = re.compile(r"([\\`*_\[\]#~$<>|:!])")
SHOWN_COLUMNS = 6
LISTED = 8


def file_form(page: Page) -> None:
    words = page.words
    cell = page.choose_cell("record_cell", words("record.into"))
    if cell is None:
        return
    with page.card("file_form"):
        page.title(words("import.title"), words("import.hint", limit=words.number(imports.MOST_FILE_MB)))
        file = st.file_uploader(
            words("record.file"), type=TYPES, key="import_upload", max_upload_size=imports.MOST_FILE_MB
        )
        known = st.session_state.get("_import")
        if file is not None and (known is None or known["file"] != (cell, file.file_id)):
            put_away(page)
            upload(page, cell, file)
        elif file is None:
            put_away(page)
        if "_import" in st.session_state:
            proposal(page, cell)
    with page.card("file_list"):
        page.title(words("import.list"))
        listed(page, cell)


def put_away(page: Page) -> None:
    """A file that was looked at and not brought in goes when another one, or none, is chosen."""
    known = st.session_state.pop("_import", None)
    if known is not None and "preview" in known:
        page.attempt(lambda: page.twin.import_file(known["file"][0], known["id"], "discard"))


def upload(page: Page, cell: str, file: Any) -> None:
    with st.spinner(page.words("import.uploading")):
        found = page.attempt(lambda: page.twin.upload(cell, file.name, file.getvalue()))
    if found is not None:
        st.session_state["_import"] = {"file": (cell, file.file_id), "id": found}
        ask_for(page, cell, None)


def ask_for(page: Page, cell: str, mapping: dict[str, Any] | None) -> None:
    """The proposal for a mapping (None: as the twin takes it), kept for this session."""
    kept = st.session_state["_import"]
    answer = page.attempt(lambda: page.twin.import_file(cell, kept["id"], "propose", mapping))
    if answer is not None:
        kept["mapping"] = json.loads(answer["ProposedMapping"])
        kept["preview"] = json.loads(answer["ImportPreview"])


def said(page: Page, one: dict[str, Any]) -> str:
    """What the delegate tells of a file, in the reader's language; its own sentence where there is no other."""
    key = f"import.said.{one.get('about') or one['code']}"
    if page.words.has(key):
        try:
            return page.words(
                key,
                **{
                    name: value if name == "column" else in_words(page, one["code"], value)
                    for name, value in one["values"].items()
                },
            )
        except (KeyError, IndexError):
            pass
    return str(one["text"])


def in_words(page: Page, code: str, value: Any) -> Any:
    """A number of the delegate's own with its unit, as the reader writes it; what stands in the file stays as it is."""
    if not isinstance(value, str) or code in OF_THE_FILE:
        return value
    match = COMPUTED.fullmatch(value)
    if match is None:
        return SIGNS.get(value, value)
    number = page.words.plain(float(match[1]))
    return f"{number}{UNIT_SPACE}{SIGNS.get(match[2], match[2])}" if match[2] else number


def proposal(page: Page, cell: str) -> None:
    words, kept = page.words, st.session_state["_import"]
    if "preview" not in kept:
        return
    mapping, preview = kept["mapping"], kept["preview"]
    counts = preview["counts"]
    text = words("import.counts", **{name: words.number(counts[name]) for name in ("taken", "known", "skipped")})
    ready = not (preview["missing"] or preview["questions"] or preview["refused"])
    page.notice("none" if ready else "warning", f"{words('import.kind.' + preview['kind'])} {text}")
    for name in preview["missing"]:
        page.notice("warning", words("import.missing", column=quantity(page, name)))
    if preview["refused"]:
        page.notice("critical", said(page, preview["refused"]))
    for question in preview["questions"]:
        asked(page, cell, mapping, question)
    if preview["notes"]:
        items = "".join(f"<li>{escape(said(page, one))}</li>" for one in preview["notes"])
        page.html(f'<ul class="hint">{items}</ul>')
    with st.expander(words("import.mapping"), expanded=bool(preview["missing"])):
        edit(page, cell, mapping, preview)
    if table := rows_table(page, preview):
        page.html(table)
    label = words("import.start", count=words.number(counts["taken"]))
    sent = st.button(label, type="primary", key="import_start", disabled=not ready)
    if sent and page.attempt(lambda: page.twin.import_file(cell, kept["id"], "start", mapping)) is not None:
        st.session_state["_import"] = {"file": kept["file"], "id": kept["id"]}
        st.rerun()


def asked(page: Page, cell: str, mapping: dict[str, Any], question: dict[str, Any]) -> None:
    page.notice("warning", said(page, question))
    columns = st.columns(max(4, len(question["options"])))
    for column, option in zip(columns, question["options"], strict=False):
        key = f"answer_{question['code']}_{option['label']}"
        if column.button(answer(page, question, option), key=key, width="stretch"):
            new = json.loads(json.dumps(mapping))
            for name, value in option["sets"].items():
                new[name] = new.get(name, {}) | value if name == "columns" else value
            ask_for(page, cell, new | {"answered": [*new.get("answered", []), question["code"]]})
            st.rerun()


def answer(page: Page, question: dict[str, Any], option: dict[str, Any]) -> str:
    """What an option sets, in the reader's language; its own label where there are no words for it."""
    sets, label = option["sets"], str(option["label"])
    key = f"import.option.{sets.get('dates') or sets.get('numbering')}"
    if not page.words.has(key):
        return SIGNS.get(label, label)
    return page.words(key, first=page.words.number((question["values"].get("last") or 0) + 1))


def quantity(page: Page, name: str) -> str:
    key = f"import.quantity.{name}"
    return page.words(key) if page.words.has(key) else concept(page, name)


def concept(page: Page, name: str) -> str:
    """A record's column with its unit; its Time is not the time in a cycle."""
    return page.words.concept("CycleStartTime" if name == "Time" else name, unit=True)


def edit(page: Page, cell: str, mapping: dict[str, Any], preview: dict[str, Any]) -> None:
    """Columns, units, marks and sign, to be corrected by hand."""
    words = page.words
    names = [NONE, *[column["name"] for column in preview["columns"]]]
    examples = {column["name"]: column["example"] for column in preview["columns"]}
    with st.form("import_mapping", border=False):
        kinds = ("samples", "cycles")
        kind = st.radio(words("import.kind"), kinds, kinds.index(mapping["kind"]), horizontal=True,
                        format_func=lambda name: words(f"import.kind.{name}"))  # fmt: skip
        chosen: dict[str, Any] = {}
        for target in SAMPLES if mapping["kind"] == "samples" else CYCLES:
            source = mapping["columns"].get(target) or {}
            left, right = st.columns([3, 1])
            column = left.selectbox(quantity(page, target), names, names.index(source.get("column", NONE)),
                                    format_func=lambda name: f"{name} ({examples[name]})" if name in examples else name,
                                    key=f"map_{target}")  # fmt: skip
            units = UNITS if source.get("unit") in (*UNITS, None) else (*UNITS, source["unit"])
            unit = right.selectbox(
                words("import.unit"), units, units.index(source.get("unit") or NONE), key=f"unit_{target}",
                format_func=lambda name: SIGNS.get(name, name),
            )  # fmt: skip
            if column != NONE:
                chosen[target] = {"column": column, "unit": None if unit == NONE else unit}
        first, second, third = st.columns(3)
        decimal = first.selectbox(words("import.decimal"), (".", ","), (".", ",").index(mapping.get("decimal", ".")))
        signs = ("recognise", "chargePositive", "dischargePositive", "byState")
        sign = second.selectbox(words("import.sign"), signs, signs.index(mapping.get("sign", "recognise")),
                                format_func=lambda name: words(f"import.sign.{name}"))  # fmt: skip
        dates = third.selectbox(words("import.dates"), (NONE, "dmy", "mdy"),
                                (NONE, "dmy", "mdy").index(mapping.get("dates") or NONE))  # fmt: skip
        if st.form_submit_button(words("import.apply")):
            new = mapping | {"kind": kind, "decimal": decimal, "sign": sign}
            new["columns"] = chosen if kind == mapping["kind"] else {}
            ask_for(page, cell, new | {"dates": None if dates == NONE else dates})
            st.rerun()


def rows_table(page: Page, preview: dict[str, Any]) -> str:
    """The rows with something wrong first, then the first rows."""
    words = page.words
    bad = [row for row in preview["problems"] if row["skipped"]]
    lines = {row["line"] for row in bad}
    rows = [*bad, *[row for row in preview["rows"] if row["line"] not in lines]]
    names = list(dict.fromkeys(name for row in rows for name in row["values"]))[:SHOWN_COLUMNS]
    columns = [(words("record.line"), True), (words("import.cycle"), True), (words("record.check"), False),
               *((concept(page, name), True) for name in names)]  # fmt: skip
    body = []
    for row in rows:
        told = [said(page, one) for one in [row["skipped"], *row["notes"]] if one]
        values = [words.plain(row["values"].get(name)) or moment(row["values"].get(name, NONE)) for name in names]
        body.append(
            [words.number(row["line"]), words.number(row["cycle"]), "; ".join(told) or words("record.ok"), *values]
        )
    return pieces.table(columns, body) if body else ""


def moment(value: Any) -> str:
    """A date and time as people write it."""
    return str(value).replace("T", " ")


def is_listed(name: str, values: dict[str, Any]) -> bool:
    """Not the one that is just being looked at, nor one that was put away before it began."""
    known = st.session_state.get("_import", {})
    open_now = known.get("id") == name and "preview" in known
    return not open_now and not (values["ImportState"] == imports.CANCELLED and values["RowsTotal"] is None)


def listed(page: Page, cell: str) -> None:
    """The cell's imports, newest first, as they go on."""
    stored = page.read(lambda: page.twin.imports(cell))
    if stored is None:
        return
    working = any(values["ImportState"] in imports.AT_WORK for values in stored.value.values())

    @st.fragment(run_every=2.0 if working else None)
    def draw() -> None:
        found = page.read(lambda: page.twin.imports(cell))
        known = sorted((found.value if found else {}).items(), reverse=True)
        newest = [(name, values) for name, values in known if is_listed(name, values)][:LISTED]
        if not newest:
            page.html(f'<p class="hint">{escape(page.words("import.none"))}</p>')
        for name, values in newest:
            one_import(page, cell, name, values)
        if working and not any(values["ImportState"] in imports.AT_WORK for _, values in newest):
            page.twin.forget(cell)
            st.rerun()

    draw()


def one_import(page: Page, cell: str, name: str, values: dict[str, Any]) -> None:
    words, status = page.words, values["ImportState"] or NONE
    left, right = st.columns([4, 1])
    done, total = values["RowsDone"] or 0, values["RowsTotal"] or 0
    state_words = words("import.state." + status) if words.has("import.state." + status) else status
    text = words("import.file", name=values["FileName"] or MISSING, state=state_words)
    if status in imports.AT_WORK:
        left.progress(
            min(1.0, done / total) if total else 0.0,
            MARKDOWN.sub(r"\\\1", f"{text} ({words.number(done)} / {words.number(total)})"),
        )
        if right.button(words("import.cancel"), key=f"cancel_{name}", width="stretch"):
            page.attempt(lambda: page.twin.import_file(cell, name, "cancel"))
            st.rerun()
        return
    counts = {key: words.number(values[f"Cycles{key.title()}"] or 0) for key in ("taken", "known", "skipped")}
    with left:
        told = f" — {words('import.counts', **counts)}" if status == imports.ENDED else ""
        page.html(f"<p>{escape(text + told)}</p>")
    if status == imports.CANCELLED and values["FileSHA256"] and values["Data"] is not None:
        if right.button(words("import.again"), key=f"again_{name}", width="stretch"):
            page.attempt(lambda: page.twin.import_file(cell, name, "start"))
            st.rerun()
    elif status in (imports.UPLOADED, imports.PROPOSED):
        if right.button(words("import.discard"), key=f"discard_{name}", width="stretch"):
            page.attempt(lambda: page.twin.import_file(cell, name, "discard"))
            st.rerun()
    elif status == imports.FAILED:
        try:
            notes = json.loads(values["ImportRemarks"] or "{}").get("notes") or []
        except ValueError:
            notes = []
        for one in notes:
            page.notice("critical", said(page, one))
    elif status == imports.ENDED:
        page.html(f'<a class="go" href="{escape(state.link("cell", cell=cell))}">{escape(words("record.open"))}</a>')
