"""What if: up to three scenarios against the expected life, side by side. Simulating writes nothing into the twin."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import streamlit as st

from dashboard import state
from dashboard.components import charts, pieces, theme
from dashboard.page import Page
from dashboard.reading import outlook
from dashboard.reading.content import Condition, FleetRow, Forecast, Simulation, now
from dashboard.reading.scenario import (
    CONDITIONS,
    MEASUREMENTS,
    SCHEDULE,
    SLOTS,
    Factor,
    Factors,
    Scenarios,
    capacity_after,
    changes_said,
    factors_of,
    inputs_of,
    not_understood,
    present_values,
    presets_of,
    read_scenarios,
    steps,
    usual_further,
    write_scenarios,
)
from dashboard.reading.twin import Trouble
from dashboard.texts.language import MISSING, UNIT_SPACE, Language, escape, parse_number

SHOWN_BELOW_END = 0.18  # share of the end-of-life capacity
# A line of the operation's output Assumptions.
ASSUMPTION = re.compile(
    r"(?P<name>\w+) (?P<before>[-+.\de]+) -> (?P<after>[-+.\de]+): (?P<support>[\w ]+) \((?P<parameter>\w+) = "
    r"(?P<value>[-+.\de]+) (?P<unit>\S+), 90 % interval (?P<low>[-+.\de]+) to (?P<high>[-+.\de]+); "
    r"prior: (?P<source>.+)\)$"
)
AXES = ("cycles", "days")
FRAMES = 60  # of the animation


@dataclass(frozen=True)
class Start:
    """From where scenarios go on: the cell, the cycle, its row of the fleet, where each slider stands unchanged."""

    cell: str
    cycle: int
    is_last: bool
    row: FleetRow | None
    present: dict[str, float]

    def pace(self, changes: dict[str, float]) -> float | None:
        """Cycles per day under a scenario; None where neither the scenario nor the cell tells."""
        return changes.get("D", self.row.cycles_per_day if self.row else None)


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
    row = next((row for row in page.twin.fleet().value if row.cell == cell), None)
    pace = row.cycles_per_day if row else None
    factors = factors_of(rating, life.rul_upper or life.rul, pace)
    known = [one for one in records.value if one["id_cycle"] <= first]
    start = Start(cell, first, len(known) == len(records.value), row, present_values(factors, rating, known, pace))
    scenarios = read_scenarios(state.get("scenario"), factors)
    if ignored := not_understood(state.get("scenario"), factors):
        page.notice("warning", page.words("simulation.not_understood", parts=", ".join(ignored)))
    controls, results = st.columns([1, 1.75], gap="small")
    with controls, page.card("controls"):
        edit(page, scenarios, factors, presets_of(factors, rating), start.present, prediction.value.conditions)
    with results:
        outcome(page, start, scenarios, factors, records.value)


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
        words("simulation.schedule"), expanded=any(letter in scenarios.get(slot, {}) for letter in SCHEDULE)
    ):
        page.html(f'<p class="hint">{escape(words("simulation.schedule.hint"))}</p>')
        for factor in (factors[letter] for letter in SCHEDULE):
            adjust(page, factor, slot, scenarios, present, None, save)
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
    if evidence == "temperature" and value == present and factor.letter == "S":
        evidence = "counted"
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
        f"{badge}{escape(' · '.join([words(f'evidence.{factor.name}'), *parts]))}</div>"
    )


def outcome(page: Page, start: Start, scenarios: Scenarios, factors: Factors, records: list[dict[str, Any]]) -> None:
    words = page.words
    results: dict[str, Simulation] = {}
    for slot in ("", *scenarios):  # "": nothing changed, drawn as far ahead as the others
        inputs = inputs_of(scenarios.get(slot, {}), factors, start.cycle, start.present, date.today())
        answer = page.read(lambda inputs=inputs: page.twin.simulate(start.cell, inputs))  # type: ignore[misc]
        if answer is None:
            return
        page.note_stale(answer)
        results[slot] = answer.value
    baseline = replace(results[""].baseline, trajectory=results[""].forecast.trajectory)
    with page.card("outcome"):
        title, axis, share = st.columns([3, 1.6, 1.2], vertical_alignment="top")
        with title:
            page.title(words("simulation.outcome"), words("simulation.writes_nothing"))
        with axis:
            state.bound("over", "simulation_axis", AXES, "cycles")
            st.segmented_control(words("compare.axis"), AXES, key="simulation_axis", required=True,
                                 format_func=lambda name: words(f"compare.{name}"), label_visibility="collapsed",
                                 on_change=state.keep("over", "simulation_axis"))  # fmt: skip
        with share, st.popover(words("simulation.share"), icon=":material/share:", width="stretch"):
            page.html(f'<p class="hint">{escape(words("simulation.share.hint"))}</p>')
            st.code(address(), language=None, wrap_lines=True)
            page.html(f'<a class="go print" href="#">{escape(words("print"))}</a>')
        ahead = {"": baseline, **{slot: results[slot].forecast for slot in scenarios}}
        chart(page, start, records, ahead, scenarios)
        page.html(outcome_table(page, start, scenarios, factors, ahead))
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


def address() -> str:
    """The address of this page with what it shows."""
    base = (st.context.url or "").partition("?")[0]
    return base + state.link("simulation", **{k: v for k, v in state.parameters().items() if k != "view"})


def chart(
    page: Page, start: Start, records: list[dict[str, Any]], ahead: dict[str, Forecast], scenarios: Scenarios
) -> None:
    """Measured capacity, the baseline ("" of `ahead`) and the scenarios; an animation plays them side by side, over
    cycles or over days at each one's own pace."""
    import plotly.graph_objects as go

    words, figure, baseline = page.words, go.Figure(), ahead[""]
    in_days = st.session_state.get("simulation_axis") == "days"
    usual = start.present["D"]

    def place(cycle: float, slot: str) -> float:
        pace = start.pace(scenarios.get(slot, {})) or usual
        return (cycle - start.cycle) / pace if in_days else cycle

    cycles, capacities = charts.measured_capacity(records)
    measured = [place(cycle, "") for cycle in cycles]
    figure.add_scatter(x=measured, y=capacities, mode="lines", name=words("chart.measured"),
                       hovertemplate="%{y:.3f} Ah", line={"color": theme.GREY, "width": 2})  # fmt: skip
    lines: dict[str, list[tuple[float, float]]] = {}
    moving: dict[str, int] = {}
    for index, (slot, forecast) in enumerate(ahead.items()):
        placed = tuple((place(x, slot), y, low, high) for x, y, low, high in forecast.trajectory)
        name = words("simulation.named", slot=slot) if slot else words("simulation.baseline")
        colour, dash = theme.SERIES[index], theme.DASHES[index + 1]
        shown = replace(forecast, trajectory=placed)
        charts.add_forecast(figure, words, shown, name, colour, dash, band=not slot)
        if placed:
            lines[slot], moving[slot] = [(x, y) for x, y, *_ in placed], len(figure.data) - 1
    stored = page.twin.prediction(start.cell).value.forecast
    end = baseline.end_of_life_capacity_Ah or stored.end_of_life_capacity_Ah
    charts.add_end_of_life(figure, words, end)
    x_title = words("simulation.days.axis") if in_days else words.concept("id_cycle")
    theme.lay_out(figure, words, x_title, words.concept("Capacity", unit=True), 460)
    if end and capacities:  # far below the end of life nothing is left to read
        floor = end * (1 - SHOWN_BELOW_END)
        lines = {slot: [point for point in points if point[1] >= floor] for slot, points in lines.items()}
        left = place(cycles[0], "")
        right = max([x for points in lines.values() for x, _ in points] + [place(cycles[-1], "")])
        figure.update_yaxes(range=[floor, max(capacities) * 1.03])
        figure.update_xaxes(range=[min(0, left), right * 1.04])
    animate(figure, words, lines, moving, x_title)
    st.plotly_chart(figure, key="simulation_chart", config=theme.plot_config(words), alt=words("simulation.outcome"))


def animate(
    figure: Any, words: Language, lines: dict[str, list[tuple[float, float]]], moving: dict[str, int], prefix: str
) -> None:
    """Frames that draw all lines on at one speed; `moving`: the line's place among the figure's traces."""
    import plotly.graph_objects as go

    drawn = {slot: points for slot, points in lines.items() if len(points) > 1}
    if not drawn:
        return
    first = min(points[0][0] for points in drawn.values())
    last = max(points[-1][0] for points in drawn.values())
    frames = []
    for step in range(FRAMES + 1):
        at = first + (last - first) * step / FRAMES
        parts = [until(points, at) for points in drawn.values()]
        frames.append(go.Frame(
            name=words.number(at), traces=[moving[slot] for slot in drawn],
            data=[go.Scatter(x=[x for x, _ in part], y=[y for _, y in part]) for part in parts],
        ))  # fmt: skip
    figure.frames = frames
    charts.add_player(figure, words, prefix)


def until(points: list[tuple[float, float]], at: float) -> list[tuple[float, float]]:
    """The points up to `at`, and the one there on the line through them."""
    before = [point for point in points if point[0] <= at]
    if before and len(before) < len(points):
        (x0, y0), (x1, y1) = before[-1], points[len(before)]
        before.append((at, y0 + (y1 - y0) * (at - x0) / ((x1 - x0) or 1)))
    return before or points[:1]


def outcome_table(
    page: Page, start: Start, scenarios: Scenarios, factors: Factors, ahead: dict[str, Forecast]
) -> str:  # fmt: skip
    words, baseline = page.words, ahead[""]
    names = ("scenario", "change", "rul", "difference", "end", "after")
    columns = [(words(f"simulation.column.{name}"), name in ("rul", "difference")) for name in names]

    def row(name: str, changes: dict[str, float], forecast: Forecast, difference: str) -> list[str]:
        said = changes_said(words, changes, factors)
        life = words.cycles(forecast.rul)
        if forecast.rul_lower is not None and forecast.rul_upper is not None:
            life += f" ({words.interval(forecast.rul_lower, forecast.rul_upper)})"
        further = changes.get("N", usual_further(factors))
        after = words.quantity(capacity_after(forecast, further), "Ah", 3)
        if after != MISSING:
            after = words("simulation.after", capacity=after, cycles=words.cycles(further))
        end = words("fleet.end.cycle", cycle=words.number(forecast.end_of_life_cycle))
        when = end_said(words, start, forecast, start.pace(changes))
        return [name, said or words("simulation.as_now"), life, difference, f"{when}, {end}", after]

    rows = [row(words("simulation.baseline"), {}, baseline, MISSING)]
    for slot, changes in scenarios.items():
        forecast = ahead[slot]
        difference = MISSING
        if forecast.rul is not None and baseline.rul is not None:
            gap = forecast.rul - baseline.rul
            difference = words.quantity(gap, words("unit.cycles"), 0, signed=True)
            if baseline.rul:
                difference += f" ({words.quantity(gap / baseline.rul * 100, '%', 0, signed=True)})"
        name = words("simulation.named", slot=slot).replace(" ", UNIT_SPACE)  # its letter stays with it
        rows.append(row(name, changes, forecast, difference))
    return pieces.table(columns, rows)


def end_said(words: Language, start: Start, forecast: Forecast, pace: float | None) -> str:
    """When the end of life comes at that pace: the date where the cell has dates and starts today, else the days."""
    if forecast.rul is None or not pace:
        return MISSING
    days = words.days(forecast.rul / pace)
    if start.row is None or not start.is_last:
        return days
    changed = replace(start.row, rul=forecast.rul, rul_lower=forecast.rul_lower, rul_upper=forecast.rul_upper)
    end = outlook.end_of(changed, now(), pace)
    return f"{words.day(end.day)} ({days})" if end and end.day else days
