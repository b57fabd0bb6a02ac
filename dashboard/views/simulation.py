"""What if: up to three scenarios against the expected life, side by side. Simulating writes nothing into the twin."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import streamlit as st

from dashboard import charts, state, theme
from dashboard.components import pieces
from dashboard.content import Condition, Forecast, Rating, Simulation, number
from dashboard.language import MISSING, Language, escape, parse_number
from dashboard.page import Page
from dashboard.twin import Trouble

SHOWN_BELOW_END = 0.18  # share of the end-of-life capacity
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


CONDITIONS = "TIVN"  # letters of the factors that are conditions of use
MEASUREMENTS = "QERM"  # those that are present measurements
USUAL_CUT_OFF_V = 2.7  # of one cell, where neither the cell's own nor its limits are known
LEAST_HORIZON_CYCLES, MOST_HORIZON_CYCLES = 300, 20_000  # trajectories reach beyond the end of life
Scenarios = dict[str, dict[str, float]]  # slot -> letter -> value, only what differs from the present
Factors = dict[str, Factor]


def factors_of(rating: Rating, life_cycles: float | None) -> Factors:
    """What a scenario can change of a cell of this size, by letter; the model's training range is drawn below each.

    Currents from C/4 to 3 C, the capacity up to 1.05 of the rated one, voltages between the limits of a cell times the
    cells in series, resistances in proportion to series count and size; so many cycles ahead as the cell may live.
    """
    rated_Ah, series = rating.rated_capacity_Ah or 1.0, rating.series
    lowest_V = rating.lowest_cell_V or 2.0
    highest_V = 3.2 if rating.highest_cell_V is None else lowest_V + 0.7 * (rating.highest_cell_V - lowest_V)
    highest_A = min(3 * rated_Ah, rating.highest_discharge_A or math.inf)
    ohm = 2.0 * series / rated_Ah  # of a 2 Ah cell: a tenth of an ohm
    cycles = min(MOST_HORIZON_CYCLES, max(1000, 1.5 * (life_cycles or 0)))
    found = (
        _factor("T", "ambient_temperature", "°C", -20, 60, 1, "temperature"),
        _factor("I", "DischargeCurrent", "A", rated_Ah / 4, highest_A, rated_Ah / 20, "weak"),
        _factor("V", "CutOffVoltage", "V", lowest_V * series, highest_V * series, 0.05 * series, "prior"),
        _factor("N", "HorizonCycles", "", cycles / 100, cycles, cycles / 100, "counted"),
        _factor("Q", "Capacity", "Ah", 0.3 * rated_Ah, 1.05 * rated_Ah, rated_Ah / 200, "measured"),
        _factor("E", "Re", "Ω", 0.01 * ohm, 0.3 * ohm, 0.005 * ohm, "measured"),
        _factor("R", "Rct", "Ω", 0.01 * ohm, 0.4 * ohm, 0.005 * ohm, "measured"),
        _factor("M", "Temperature_measured", "°C", 0, 80, 1, "measured"),
    )
    return {factor.letter: factor for factor in found}


def usual_further(factors: Factors) -> float:
    """After so many cycles the table states the capacity, unless a scenario says otherwise: 50 for a short life."""
    return 5 * factors["N"].low


def _factor(letter: str, name: str, unit: str, low: float, high: float, step: float, evidence: str) -> Factor:
    """A slider whose ends and step are round numbers (steps of 1, 2 or 5 times a power of ten)."""
    scale = 10.0 ** math.floor(math.log10(step) + 1e-9)
    step = next(round_step for n in (1, 2, 5, 10) if (round_step := n * scale) >= step * (1 - 1e-9))
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    low, high = round(math.ceil(low / step - 1e-6) * step, digits), round(math.floor(high / step + 1e-6) * step, digits)
    return Factor(letter, name, unit, low, max(high, low + step), step, digits, evidence)


def presets_of(factors: Factors, rating: Rating) -> dict[str, dict[str, float]]:
    """Scenarios of one touch, by name."""

    def held(letter: str, value: float) -> dict[str, float]:
        return {letter: min(factors[letter].high, max(factors[letter].low, value))}

    return {
        "cycles": held("N", 0.15 * factors["N"].high),
        "hot": held("T", 44),
        "cold": held("T", 4),
        "deep": held("V", factors["V"].low),
        "current": held("I", 2 * (rating.rated_capacity_Ah or 1.0)),
    }


def read_scenarios(written: str, factors: Factors) -> Scenarios:
    """Reads the address's form, "A:T44_I4;B:V2"; what is not understood is left out, values are held to the sliders."""
    found: Scenarios = {}
    for part in written.split(";"):
        slot, _, body = part.partition(":")
        if slot not in SLOTS:
            continue
        changes = {}
        for item in filter(None, body.split("_")):
            factor = factors.get(item[0])
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
    rating, life = page.twin.rating(cell), prediction.value.forecast
    factors = factors_of(rating, life.rul_upper or life.rul)
    scenarios = read_scenarios(state.get("scenario"), factors)
    present = present_values(factors, rating, [row for row in records.value if row["id_cycle"] <= first])
    controls, results = st.columns([1, 1.75], gap="small")
    with controls, page.card("controls"):
        edit(page, scenarios, factors, presets_of(factors, rating), present, prediction.value.conditions)
    with results:
        outcome(page, cell, scenarios, factors, records.value, first)


def choose_start(page: Page, cell: str, records: list[dict[str, Any]], stored: Forecast) -> int:
    """The cycle from which the scenarios start: the last one, or half-way to the end of life when that is past."""
    numbers = [row["id_cycle"] for row in records if row.get("id_cycle") is not None]
    last = numbers[-1]
    if len(numbers) < 2:
        return last
    over = stored.rul is not None and stored.rul <= 0 and (stored.end_of_life_cycle or 0) > 2
    half = (stored.end_of_life_cycle or last) // 2
    usual = max((number for number in numbers if number <= half), default=numbers[0]) if over else last
    key = f"from_{cell}"
    state.bound("from", key, numbers, usual, int)
    hint = page.words("simulation.from.past" if over else "simulation.from.help")
    page.choose_cycle(page.words("simulation.from"), numbers, key, "from", hint)
    return st.session_state[key]


def present_values(factors: Factors, rating: Rating, records: list[dict[str, Any]]) -> dict[str, float]:
    """Where each slider stands when nothing is changed: the last known measurement, else what is usual."""
    usual_V = rating.lowest_cell_V or USUAL_CUT_OFF_V
    usual = {"N": usual_further(factors), "T": 24.0, "I": rating.rated_capacity_Ah or 1.0}
    usual["V"] = rating.cut_off_V or usual_V * rating.series
    found = {}
    for factor in factors.values():
        values = [row[factor.name] for row in records if row.get(factor.name) is not None]
        value = values[-1] if values else usual.get(factor.letter)
        if value is not None:
            found[factor.letter] = round(min(factor.high, max(factor.low, value)), factor.digits)
    return found


def edit(
    page: Page, scenarios: Scenarios, factors: Factors, presets: dict[str, dict[str, float]],
    present: dict[str, float], conditions: tuple[Condition, ...],
) -> None:  # fmt: skip
    words = page.words

    def save() -> None:
        state.put(scenario=write_scenarios(scenarios))

    def preset(name: str) -> None:
        scenarios[slot] = dict(presets[name])
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
        for name in presets:
            st.button(words(f"preset.{name}"), key=f"preset_{name}", on_click=preset, args=(name,))
        st.button(words("simulation.clear"), key="clear", on_click=clear, type="tertiary", icon=":material/close:",
                  disabled=not scenarios.get(slot))  # fmt: skip
    known = {condition.name: condition for condition in conditions}
    page.html(f'<p class="section">{escape(words("simulation.conditions"))}</p>')
    for factor in (factors[letter] for letter in CONDITIONS):
        adjust(page, factor, slot, scenarios, present, known.get(factor.name), save)
    with st.expander(
        words("simulation.measurements"), expanded=any(letter in scenarios.get(slot, {}) for letter in MEASUREMENTS)
    ):
        page.html(f'<p class="hint">{escape(words("simulation.measurements.hint"))}</p>')
        for factor in (factors[letter] for letter in MEASUREMENTS):
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


def inputs_of(changes: dict[str, float], factors: Factors, first: int) -> dict[str, Any]:
    """The operation's inputs of one scenario; it looks ahead as far as the sliders do at least."""
    inputs: dict[str, Any] = {"FromCycle": first}
    inputs |= {factors[letter].name: value for letter, value in changes.items()}
    least = LEAST_HORIZON_CYCLES if factors["N"].high <= 1000 else factors["N"].high
    inputs["HorizonCycles"] = round(max(least, inputs.get("HorizonCycles", 0)))
    return inputs


def outcome(
    page: Page, cell: str, scenarios: Scenarios, factors: Factors, records: list[dict[str, Any]], first: int
) -> None:
    words = page.words
    results: dict[str, Simulation] = {}
    for slot in ("", *scenarios):  # "": nothing changed, drawn as far ahead as the others
        inputs = inputs_of(scenarios.get(slot, {}), factors, first)
        answer = page.read(lambda inputs=inputs: page.twin.simulate(cell, inputs))  # type: ignore[misc]
        if answer is None:
            return
        page.note_stale(answer)
        results[slot] = answer.value
    baseline = replace(results[""].baseline, trajectory=results[""].forecast.trajectory)
    with page.card("outcome"):
        page.title(words("simulation.outcome"), words("simulation.writes_nothing"))
        chart(page, cell, records, baseline, {slot: results[slot].forecast for slot in scenarios})
        page.html(outcome_table(page, scenarios, factors, results, baseline))
    hint = f"grade.{results[''].forecast.grade}.hint"
    if words.has(hint):
        page.notice("info", words(hint))
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
        floor = end * (1 - SHOWN_BELOW_END)
        drawn = [x for forecast in (baseline, *scenarios.values()) for x, y, *_ in forecast.trajectory if y >= floor]
        figure.update_yaxes(range=[floor, max(capacities) * 1.03])
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


def outcome_table(
    page: Page, scenarios: Scenarios, factors: Factors, results: dict[str, Simulation], baseline: Forecast
) -> str:
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
        changed = [(factors[letter], value) for letter, value in changes.items()]
        said = ", ".join(
            f"{words(f'short.{factor.name}')} {words.quantity(value, factor.unit, factor.digits)}"
            for factor, value in changed
        )
        life = words.cycles(forecast.rul)
        if forecast.rul_lower is not None and forecast.rul_upper is not None:
            life += f" ({words.interval(forecast.rul_lower, forecast.rul_upper)})"
        ahead = changes.get("N", usual_further(factors))
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
