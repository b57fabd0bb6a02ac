"""What if: up to three scenarios against the expected life, side by side. Simulating writes nothing into the twin."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import streamlit as st

from dashboard import charts, state, theme
from dashboard.components import pieces
from dashboard.content import Condition, Forecast, Simulation, number
from dashboard.language import MISSING, Language, escape, parse_number
from dashboard.page import Page
from dashboard.twin import Trouble

SHOWN_BELOW_END_AH = 0.25
# A line of the operation's output Assumptions.
ASSUMPTION = re.compile(
    r"(?P<name>\w+) (?P<before>[-+.\de]+) -> (?P<after>[-+.\de]+): (?P<support>[\w ]+) \((?P<parameter>\w+) = "
    r"(?P<value>[-+.\de]+) (?P<unit>\S+), 90 % interval (?P<low>[-+.\de]+) to (?P<high>[-+.\de]+); "
    r"prior: (?P<source>.+)\)$"
)
SLOTS = ("A", "B", "C")


@dataclass(frozen=True)
class Factor:
    """One thing a scenario can change: its letter in the address, the operation's input, and the slider."""

    letter: str
    name: str
    unit: str
    low: float
    high: float
    step: float
    digits: int
    evidence: str  # "validated", "weak", "prior", "measured"; what it rests on stands in the texts


# The sliders span what a 2 Ah Li-ion cell may meet; the range the model was trained on is drawn below each.
CONDITIONS = (
    Factor("T", "ambient_temperature", "°C", -20, 60, 1, 0, "temperature"),
    Factor("I", "DischargeCurrent", "A", 0.5, 6, 0.1, 1, "weak"),
    Factor("V", "CutOffVoltage", "V", 2.0, 3.2, 0.05, 2, "prior"),
    Factor("N", "HorizonCycles", "", 10, 1000, 10, 0, "counted"),
)
MEASUREMENTS = (
    Factor("Q", "Capacity", "Ah", 0.6, 2.1, 0.01, 2, "measured"),
    Factor("E", "Re", "Ω", 0.01, 0.3, 0.005, 3, "measured"),
    Factor("R", "Rct", "Ω", 0.01, 0.4, 0.005, 3, "measured"),
    Factor("M", "Temperature_measured", "°C", 0, 80, 1, 0, "measured"),
)
FACTORS = {factor.letter: factor for factor in (*CONDITIONS, *MEASUREMENTS)}
USUAL_FURTHER_CYCLES = 50  # after so many cycles the table states the capacity, unless a scenario says otherwise
USUAL_CONDITIONS = {"T": 24.0, "I": 2.0, "V": 2.7}  # of most of NASA's cells, where a cell's own are not known
LEAST_HORIZON_CYCLES = 300  # trajectories reach beyond the end of life
PRESETS: dict[str, dict[str, float]] = {
    "cycles": {"N": 150},
    "hot": {"T": 44},
    "cold": {"T": 4},
    "deep": {"V": 2.0},
    "current": {"I": 4},
}
Scenarios = dict[str, dict[str, float]]  # slot -> letter -> value, only what differs from the present


def read_scenarios(written: str) -> Scenarios:
    """Reads the address's form, "A:T44_I4;B:V2"; what is not understood is left out, values are held to the sliders."""
    found: Scenarios = {}
    for part in written.split(";"):
        slot, _, body = part.partition(":")
        if slot not in SLOTS:
            continue
        changes = {}
        for item in filter(None, body.split("_")):
            factor = FACTORS.get(item[0])
            try:
                value = float(item[1:])
            except ValueError:
                continue
            if factor and number(value) is not None:
                changes[factor.letter] = min(factor.high, max(factor.low, value))
        found[slot] = changes
    return found


def write_scenarios(scenarios: Scenarios) -> str:
    return ";".join(
        f"{slot}:" + "_".join(f"{letter}{value:g}" for letter, value in scenarios[slot].items())
        for slot in SLOTS
        if slot in scenarios
    )


def show(page: Page) -> None:
    choice, start = st.columns([2, 3.5], gap="medium")
    with choice:
        cell = page.choose_cell("simulation_cell")
    if cell is None:
        return
    records, prediction = page.twin.records(cell), page.twin.prediction(cell)
    page.note_stale(prediction, records)
    page.note_foreign(records)
    if not records.value:
        page.notice("info", page.words("cell.no_history"), href=state.link("record"), link=page.words("view.record"))
        return
    with start:
        first = choose_start(page, cell, records.value, prediction.value.forecast)
    workbench(page, cell, first)


@st.fragment
def workbench(page: Page, cell: str, first: int) -> None:
    try:
        prediction = page.twin.prediction(cell)
        records = page.twin.records(cell)
    except Trouble as trouble:
        page.show_trouble(trouble)
        return
    scenarios = read_scenarios(state.get("scenario"))
    present = present_values(page, cell, [row for row in records.value if row["id_cycle"] <= first])
    controls, results = st.columns([1, 1.75], gap="small")
    with controls, page.card("controls"):
        edit(page, scenarios, present, prediction.value.conditions)
    with results:
        outcome(page, cell, scenarios, records.value, first)


def choose_start(page: Page, cell: str, records: list[dict[str, Any]], stored: Forecast) -> int:
    """The cycle from which the scenarios start: the last one, or half-way to the end of life when that is past."""
    words, last = page.words, records[-1]["id_cycle"]
    if last < 2:
        return last
    over = stored.rul is not None and stored.rul <= 0 and (stored.end_of_life_cycle or 0) > 2
    usual = min(last, (stored.end_of_life_cycle or last) // 2) if over else last
    key = f"from_{cell}"
    state.bound("from", key, range(1, last + 1), usual, int)
    st.slider(words("simulation.from"), 1, last, key=key, on_change=state.keep("from", key),
              help=words("simulation.from.past" if over else "simulation.from.help"))  # fmt: skip
    return st.session_state[key]


def present_values(page: Page, cell: str, records: list[dict[str, Any]]) -> dict[str, float]:
    """Where each slider stands when nothing is changed: the last known measurement."""
    found: dict[str, float] = {"N": USUAL_FURTHER_CYCLES} | USUAL_CONDITIONS
    for factor in FACTORS.values():
        values = [row[factor.name] for row in records if row.get(factor.name) is not None]
        if values:
            found[factor.letter] = round(min(factor.high, max(factor.low, values[-1])), factor.digits)
    return found | {"V": cut_off_voltage(page, cell)}


def cut_off_voltage(page: Page, cell: str) -> float:
    """The cell's own discharge end from its technical data, the usual one where it is not stated."""
    from aasx.elements.values import submodel_to_value

    try:
        areas = submodel_to_value(page.twin.data_sheet(cell, "TechnicalData").value).get("TechnicalPropertyAreas")
    except Trouble:
        return USUAL_CONDITIONS["V"]
    stated = [number(area.get("MinVoltage")) for area in areas or [] if isinstance(area, dict)]
    low, high = FACTORS["V"].low, FACTORS["V"].high
    possible = [value for value in stated if value is not None and low <= value <= high]
    return possible[0] if possible else USUAL_CONDITIONS["V"]


def edit(page: Page, scenarios: Scenarios, present: dict[str, float], conditions: tuple[Condition, ...]) -> None:
    words = page.words

    def save() -> None:
        state.put(scenario=write_scenarios(scenarios))

    def preset(name: str) -> None:
        scenarios[slot] = dict(PRESETS[name])
        save()

    def clear() -> None:
        scenarios.pop(slot, None)
        save()

    page.title(words("simulation.scenarios"))
    st.segmented_control(
        words("simulation.slot"), SLOTS, key="slot", default="A", required=True, label_visibility="collapsed",
        format_func=lambda name: f"{name} ●" if scenarios.get(name) else name,
    )  # fmt: skip
    slot = st.session_state["slot"]
    with st.container(horizontal=True, gap="small", key="presets"):
        for name in PRESETS:
            st.button(words(f"preset.{name}"), key=f"preset_{name}", on_click=preset, args=(name,))
        st.button(words("simulation.clear"), key="clear", on_click=clear, type="tertiary", icon=":material/close:",
                  disabled=not scenarios.get(slot))  # fmt: skip
    known = {condition.name: condition for condition in conditions}
    page.html(f'<p class="section">{escape(words("simulation.conditions"))}</p>')
    for factor in CONDITIONS:
        adjust(page, factor, slot, scenarios, present, known.get(factor.name), save)
    with st.expander(
        words("simulation.measurements"), expanded=any(f.letter in scenarios.get(slot, {}) for f in MEASUREMENTS)
    ):
        page.html(f'<p class="hint">{escape(words("simulation.measurements.hint"))}</p>')
        for factor in MEASUREMENTS:
            if factor.letter in present:
                adjust(page, factor, slot, scenarios, present, known.get(factor.name), save)


def adjust(
    page: Page, factor: Factor, slot: str, scenarios: Scenarios, present: dict[str, float], trained: Condition | None,
    save: Any,
) -> None:  # fmt: skip
    """Slider and number field of one factor, its training range, and what its effect rests on."""
    words = page.words
    keys = {kind: f"{kind}_{slot}_{factor.letter}" for kind in ("slider", "number")}
    value = scenarios.get(slot, {}).get(factor.letter, present[factor.letter])
    options = steps(factor)
    st.session_state[keys["slider"]] = min(options, key=lambda option: abs(option - value))
    st.session_state[keys["number"]] = words.plain(value)

    def changed(kind: str) -> None:
        given = st.session_state[keys[kind]]
        if kind == "number":
            try:
                given = min(factor.high, max(factor.low, parse_number(given)))
            except ValueError:
                return  # the field goes back to the value it had
        changes = scenarios.setdefault(slot, {})
        if abs(given - present[factor.letter]) < factor.step / 100:
            changes.pop(factor.letter, None)
        else:
            changes[factor.letter] = round(given, 4)
        if not changes:
            scenarios.pop(slot, None)
        save()

    title = words.concept(factor.name) + (f" ({factor.unit})" if factor.unit else "")
    left, right = st.columns([2.9, 1], vertical_alignment="bottom", wrap=False)
    left.select_slider(title, options, key=keys["slider"], on_change=changed, args=("slider",),
                       format_func=lambda option: words.number(option, factor.digits))  # fmt: skip
    right.text_input(title, key=keys["number"], on_change=changed, args=("number",), label_visibility="collapsed")
    page.html(range_below(page, factor, present[factor.letter], trained, value))


def steps(factor: Factor) -> list[float]:
    """Where the slider can stand."""
    count = round((factor.high - factor.low) / factor.step)
    return [round(factor.low + index * factor.step, 4) for index in range(count + 1)]


def range_below(page: Page, factor: Factor, present: float, trained: Condition | None, value: float) -> str:
    words = page.words

    def place(number: float) -> float:
        return min(100.0, max(0.0, (number - factor.low) / (factor.high - factor.low) * 100))

    parts = [words("simulation.present", value=words.quantity(present, factor.unit, factor.digits))]
    drawn = ""
    if trained and trained.low is not None and trained.high is not None:
        width = max(2.0, place(trained.high) - place(trained.low))
        drawn = f'<i style="left:{place(trained.low) - (1 if width == 2 else 0):.1f}%;width:{width:.1f}%"></i>'
        parts.append(
            words("simulation.trained", range=words.interval(trained.low, trained.high, factor.unit, factor.digits))
        )
    evidence = factor.evidence
    if evidence == "temperature":  # below the reference the cells themselves tell, above it only the literature does
        evidence = "prior" if value > present else "validated"
    mark = {"validated": "none", "weak": "warning", "prior": "endOfLife"}.get(evidence)
    badge = (
        f'<span class="evidence {evidence}">{theme.icon(mark, 13)}{escape(words(f"evidence.{evidence}"))}</span> · '
        if mark
        else ""
    )
    return (
        f'<div class="range"><div class="track">{drawn}<b style="left:{place(present):.1f}%"></b></div>'
        f"{badge}{escape(words(f'evidence.{factor.name}'))} {escape(' · '.join(parts))}</div>"
    )


def inputs_of(changes: dict[str, float], first: int) -> dict[str, Any]:
    """The operation's inputs of one scenario."""
    inputs: dict[str, Any] = {"FromCycle": first}
    inputs |= {FACTORS[letter].name: value for letter, value in changes.items()}
    inputs["HorizonCycles"] = max(LEAST_HORIZON_CYCLES, round(inputs.get("HorizonCycles", 0)))
    return inputs


def outcome(page: Page, cell: str, scenarios: Scenarios, records: list[dict[str, Any]], first: int) -> None:
    words = page.words
    results: dict[str, Simulation] = {}
    for slot in ("", *scenarios):  # "": nothing changed, drawn as far ahead as the others
        inputs = inputs_of(scenarios.get(slot, {}), first)
        answer = page.read(lambda inputs=inputs: page.twin.simulate(cell, inputs))  # type: ignore[misc]
        if answer is None:
            return
        page.note_stale(answer)
        results[slot] = answer.value
    baseline = replace(results[""].baseline, trajectory=results[""].forecast.trajectory)
    with page.card("outcome"):
        page.title(words("simulation.outcome"), words("simulation.writes_nothing"))
        chart(page, cell, records, baseline, {slot: results[slot].forecast for slot in scenarios})
        page.html(outcome_table(page, scenarios, results, baseline))
    for slot in scenarios:
        if results[slot].outside:
            names = ", ".join(map(words.concept, results[slot].outside))
            page.notice("warning", words("simulation.outside", slot=slot, names=names))
    assumed = [
        f"{slot} · {assumption(words, line)}"
        for slot in scenarios
        for line in results[slot].assumptions.splitlines()
        if line.strip()
    ]
    if assumed:
        with st.expander(words("simulation.assumptions")):
            page.html("".join(f'<p class="hint">{escape(line)}</p>' for line in assumed))


def assumption(words: Language, line: str) -> str:
    """One line of the operation's Assumptions in the page's language; as it came when it is of another form."""
    if line.startswith("capacity means"):
        return words("simulation.assumption.capacity")
    found = ASSUMPTION.match(line.strip())
    support = f"support.{found['support']}" if found else ""
    if not found or not words.has(support):
        return line
    value, low, high = (words.number(float(found[name]), 2) for name in ("value", "low", "high"))
    unit = "" if found["unit"] == "1" else found["unit"]
    parameter = f"parameter.{found['parameter']}"
    return words(
        "simulation.assumption", name=words.concept(found["name"]), before=words.plain(float(found["before"])),
        after=words.plain(float(found["after"])), support=words(support),
        parameter=words(parameter) if words.has(parameter) else found["parameter"],
        value=f"{value} {unit}".strip(), low=low, high=high, source=found["source"],
    )  # fmt: skip


def chart(
    page: Page, cell: str, records: list[dict[str, Any]], baseline: Forecast, scenarios: dict[str, Forecast]
) -> None:
    import plotly.graph_objects as go

    words = page.words
    figure = go.Figure()
    cycles, capacities = charts.measured_capacity(records)
    figure.add_scatter(x=cycles, y=capacities, mode="lines", name=words("chart.measured"), hovertemplate="%{y:.3f} Ah",
                       line={"color": theme.GREY, "width": 2})  # fmt: skip
    charts.add_forecast(figure, words, baseline, words("simulation.baseline"), theme.BLUE, "dash", band=True)
    for index, (slot, forecast) in enumerate(scenarios.items(), start=1):
        colour, dash = theme.SERIES[index], theme.DASHES[index + 1]
        charts.add_forecast(figure, words, forecast, words("simulation.named", slot=slot), colour, dash, band=False)
    stored = page.twin.prediction(cell).value.forecast
    charts.add_end_of_life(figure, words, baseline.end_of_life_capacity_Ah or stored.end_of_life_capacity_Ah)
    theme.lay_out(figure, words, words.concept("id_cycle"), words.concept("Capacity", unit=True), 400)
    end = baseline.end_of_life_capacity_Ah or stored.end_of_life_capacity_Ah
    if end and capacities:  # far below the end of life nothing is left to read
        floor = max(0.0, end - SHOWN_BELOW_END_AH)
        drawn = [x for forecast in (baseline, *scenarios.values()) for x, y, *_ in forecast.trajectory if y >= floor]
        figure.update_yaxes(range=[floor, max(capacities) + 0.05])
        figure.update_xaxes(range=[0, max([*drawn, cycles[-1]]) * 1.04])
    st.plotly_chart(figure, key="simulation_chart", config=theme.plot_config(words), alt=words("simulation.outcome"))


def capacity_after(forecast: Forecast, cycles: float) -> float | None:
    """Capacity `cycles` after the trajectory's first point, on the line through its points; None beyond its end."""
    points = forecast.trajectory
    if not points:
        return None
    wanted = points[0][0] + cycles
    for (x0, y0, *_), (x1, y1, *_) in pairwise(points):
        if x0 <= wanted <= x1:
            return y0 + (y1 - y0) * (wanted - x0) / ((x1 - x0) or 1)
    return None


def outcome_table(page: Page, scenarios: Scenarios, results: dict[str, Simulation], baseline: Forecast) -> str:
    words = page.words
    columns = [
        (words("simulation.column.scenario"), False),
        (words("simulation.column.change"), False),
        (words("simulation.column.rul"), True),
        (words("simulation.column.eol"), True),
        (words("simulation.column.difference"), True),
        (words("simulation.column.after"), True),
    ]

    def row(name: str, changes: dict[str, float], forecast: Forecast, difference: str) -> list[str]:
        changed = [(FACTORS[letter], value) for letter, value in changes.items()]
        said = ", ".join(
            f"{words(f'short.{factor.name}')} {words.quantity(value, factor.unit, factor.digits)}"
            for factor, value in changed
        )
        life = words.cycles(forecast.rul)
        if forecast.rul_lower is not None and forecast.rul_upper is not None:
            life += f" ({words.interval(forecast.rul_lower, forecast.rul_upper)})"
        ahead = changes.get("N", USUAL_FURTHER_CYCLES)
        after = words.quantity(capacity_after(forecast, ahead), "Ah", 3)
        if after != MISSING:
            after = words("simulation.after", capacity=after, cycles=words.cycles(ahead))
        return [
            name,
            said or words("simulation.as_now"),
            life,
            words.number(forecast.end_of_life_cycle),
            difference,
            after,
        ]

    rows = [row(words("simulation.baseline"), {}, baseline, "")]
    for slot, changes in scenarios.items():
        forecast = results[slot].forecast
        difference = ""
        if forecast.rul is not None and baseline.rul is not None:
            gap = forecast.rul - baseline.rul
            difference = words.quantity(gap, words("unit.cycles"), 0, signed=True)
            if baseline.rul:
                difference += f" ({words.quantity(gap / baseline.rul * 100, '%', 0, signed=True)})"
        rows.append(row(words("simulation.named", slot=slot), changes, forecast, difference))
    return pieces.table(columns, rows)
