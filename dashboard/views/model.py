"""The model behind the predictions: its nameplate, how far off it is, how sure it may be, and what it does not know."""

from __future__ import annotations

import re
from typing import Any

import streamlit as st

from aasx.elements.shape import number
from aasx.elements.values import to_value
from dashboard import state
from dashboard.components import pieces, theme
from dashboard.page import Page
from dashboard.reading.content import text
from dashboard.texts.language import Language, escape
from dashboard.views.cell import facts_of, leaf

# Measures as TrainingResults names them: unit, digits, factor, and whether they are a share of intervals that held.
MEASURES = {
    "rul_mae_cycles": ("unit.cycles", 1, 1.0),
    "rul_rmse_cycles": ("unit.cycles", 1, 1.0),
    "capacity_rmse_Ah": ("mAh", 1, 1000.0),
    "rul_coverage": ("%", 1, 100.0),
    "capacity_coverage": ("%", 1, 100.0),
}
PER_CELL = ("rul_mae_cycles", "rul_coverage", "capacity_rmse_Ah", "capacity_coverage")
CELL = re.compile(r"B\d{4}")
SHOWN_APART = ("TrainingResults", "AIDataset", "AITypeSpecificInformation", "Inputs", "Outputs")
LIMITS = ("interval", "young", "censored", "purpose")


def show(page: Page) -> None:
    words = page.words
    versions = page.read(page.twin.model_versions)
    if versions is None:
        return
    if not versions:
        page.notice("info", words("model.none"))
        return
    names = [name for name, _ in versions]
    state.bound("version", "model_version", names, names[-1])
    if len(names) > 1:
        st.selectbox(
            words("model.version"), names, key="model_version", on_change=state.keep("version", "model_version")
        )
    card = page.read(lambda: page.twin.model_card(dict(versions)[st.session_state["model_version"]]))
    if card is None:
        return
    page.note_stale(card)
    results = training_results(card.value)
    left, right = st.columns([1.35, 1], gap="small")
    with left:
        with page.card("errors"):
            errors(page, results)
        with page.card("coverage"):
            coverage(page, results)
        with page.card("range"):
            training_range(page, card.value)
    with right:
        with page.card("nameplate"):
            page.title(words("model.nameplate"), words("model.nameplate.hint"))
            page.html(pieces.facts(nameplate(card.value, words)))
            for name, title in (("AITypeSpecificInformation", "model.hyperparameters"), ("Inputs", "model.inputs")):
                part = [item for item in card.value.get("submodelElements") or [] if item.get("idShort") == name]
                with st.expander(words(title)):
                    page.html(pieces.facts(facts_of({"submodelElements": part}, words)))
        with page.card("known_limits"):
            page.title(words("model.limits"))
            stated = known_limits(card.value, words)
            if stated:
                page.html(f'<p class="hint" style="margin-bottom:.4rem">{escape(stated)}</p>')
            items = "".join(f"<li>{escape(words(f'model.limits.{name}'))}</li>" for name in LIMITS)
            page.html(f'<ul class="plain">{items}</ul>')


def training_results(submodel: dict) -> dict[str, str]:
    for element in submodel.get("submodelElements") or []:
        if element.get("idShort") == "TrainingResults":
            found = {item.get("idShort") or "": item.get("value") or "" for item in element.get("value") or []}
            return {name: value for name, value in found.items() if isinstance(value, str)}
    return {}


def nameplate(submodel: dict, words: Language) -> list[tuple[str, str]]:
    """The nameplate's facts without the figures, which are shown apart."""
    elements = submodel.get("submodelElements") or []
    rest = [item for item in elements if item.get("idShort") not in SHOWN_APART]
    for item in elements:
        if item.get("idShort") == "AIDataset":
            rest += [part for part in item.get("value") or [] if part.get("idShort") != "TrainingRange"]
    hashes = [(words.concept(name), value) for name, value in training_results(submodel).items() if "SHA256" in name]
    return facts_of({"submodelElements": rest}, words) + hashes


def known_limits(submodel: dict, words: Language) -> str:
    """What the nameplate itself says about the model's limits, "" when it says nothing."""
    for element in submodel.get("submodelElements") or []:
        if element.get("idShort") == "AITypeSpecificInformation":
            for part in element.get("value") or []:
                if part.get("idShort") == "KnownLimits":
                    return leaf(part, words).replace("degC", "°C")
    return ""


def split(name: str) -> tuple[str, str] | None:
    """ "rul_mae_cycles_mean_life" -> ("rul_mae_cycles", "mean_life"); None for a figure this view does not know."""
    for measure in MEASURES:
        if name == measure:
            return measure, ""
        if name.startswith(measure + "_"):
            return measure, name[len(measure) + 1 :]
    return None


def figures(results: dict[str, str]) -> dict[str, dict[str, float]]:
    """{measure: {"" | method | cell: value}}."""
    found: dict[str, dict[str, float]] = {}
    for name, value in results.items():
        parts, known = split(name), number(value)
        if parts and known is not None:
            found.setdefault(parts[0], {})[parts[1]] = known
    return found


def said(words: Language, measure: str, value: Any) -> str:
    unit, digits, factor = MEASURES[measure]
    return words.quantity(None if value is None else value * factor, words(unit) if words.has(unit) else unit, digits)


def errors(page: Page, results: dict[str, str]) -> None:
    words, known = page.words, figures(results)
    page.title(words("model.errors"), words("model.errors.hint"))
    for measure in ("rul_mae_cycles", "rul_rmse_cycles", "capacity_rmse_Ah"):
        values = {name: value for name, value in known.get(measure, {}).items() if not CELL.search(name)}
        if not values:
            continue
        widest = max(values.values()) or 1
        bars = []
        for name, value in sorted(values.items(), key=lambda item: (item[0] != "", item[1])):
            title = words("model.ours") if not name else method(words, name)
            tone = "#0072b2" if not name else theme.GREY
            figure = escape(said(words, measure, value))
            bars.append(
                f'<div class="driver wide"><span>{escape(title)}</span><div class="bar tall"><i style="width:'
                f'{value / widest * 100:.1f}%;background:{tone}"></i></div><b>{figure}</b></div>'
            )
        page.html(f'<p class="section">{escape(words(f"model.{measure}"))}</p>{"".join(bars)}')
        if words.has(f"model.{measure}.protocol"):
            page.html(f'<p class="hint">{escape(words(f"model.{measure}.protocol"))}</p>')
    others = [(name, value) for name, value in results.items() if not split(name) and number(value) is not None]
    if others:
        page.html(pieces.facts([(words.concept(name), words.number(number(value), 3)) for name, value in others]))
    if not known:
        page.html(f'<p class="hint">{escape(words("model.no_figures"))}</p>')


def method(words: Language, name: str) -> str:
    return words(f"method.{name}") if words.has(f"method.{name}") else name.replace("_", " ")


def coverage(page: Page, results: dict[str, str]) -> None:
    words, known = page.words, figures(results)
    page.title(words("model.coverage"), words("model.coverage.hint"))
    cells = sorted({name for measure in known.values() for name in measure if CELL.fullmatch(name)})
    columns = [(words("cell"), False), *((words(f"model.column.{measure}"), True) for measure in PER_CELL)]
    rows = []
    for name in ["", *cells]:
        values = [known.get(measure, {}).get(name) for measure in PER_CELL]
        if any(value is not None for value in values):
            row = [said(words, measure, value) for measure, value in zip(PER_CELL, values, strict=True)]
            rows.append([name or words("model.mean"), *row])
    if rows:
        page.html(pieces.table(columns, rows))
    else:
        page.html(f'<p class="hint">{escape(words("model.no_figures"))}</p>')


def training_range(page: Page, submodel: dict) -> None:
    """What the model has seen, from its nameplate."""
    words = page.words
    page.title(words("model.range"), words("model.range.hint"))
    found: Any = next(
        (to_value(item) for item in submodel.get("submodelElements") or [] if item.get("idShort") == "AIDataset"), {}
    )
    ranges = found.get("TrainingRange") if isinstance(found, dict) else None
    columns = [(words("model.condition"), False), (words("model.from_to"), True), (words("model.typical"), True)]
    body = []
    for name, item in ranges.items() if isinstance(ranges, dict) else ():
        if not isinstance(item, dict):
            continue
        low, high, mean = (number(item.get(part)) for part in ("Lowest", "Highest", "Mean"))
        unit = text(item.get("Unit"))
        unit = {"degC": "°C", "ohm": "Ω"}.get(unit, unit)
        digits = 0 if (high or 0) >= 100 else 1 if (high or 0) >= 10 else 3
        body.append([words.concept(name), words.interval(low, high, unit, digits), words.quantity(mean, unit, digits)])
    if body:
        page.html(pieces.table(columns, body, fold=False))
    else:
        page.html(f'<p class="hint">{escape(words("model.no_figures"))}</p>')
