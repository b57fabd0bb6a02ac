"""How it works: the objects of the AAS, an invocation step by step with its real requests, the model in pictures."""

from __future__ import annotations

import streamlit as st

from aasx.identifiers import fleet_submodel_id, shell_id, submodel_id
from dashboard import state
from dashboard.components import charts, pieces, theme
from dashboard.page import Page
from dashboard.reading import lesson
from dashboard.reading.content import PredictionSubmodel
from dashboard.reading.twin import Exchange, Trouble
from dashboard.texts.language import MISSING, escape
from dashboard.views.aas import SWAGGER_OF_BASYX, delegate_of, public_url

SUBMODELS = ("Nameplate", "TechnicalData", "OperationalData", "Prediction")
MOST_BARS = 5


def show(page: Page) -> None:
    words = page.words
    choice, _ = st.columns([2, 4])
    with choice:
        cell = page.choose_cell("how_cell")
    if cell is None:
        return
    with page.card("objects"):
        page.title(words("how.objects"), words("how.objects.hint"))
        page.html(objects(page, cell))
    with page.card("steps"):
        page.title(words("how.steps"), words("how.steps.hint"))
        steps(page, cell)
    with page.card("pictures"):
        page.title(words("how.pictures"), words("how.pictures.hint"))
        reading = page.read(lambda: page.twin.prediction(cell))
        records = page.read(lambda: page.twin.records(cell))
        if reading is not None and records is not None:
            page.html(pictures(page, cell, charts.measured_capacity(records.value), reading.value))


def outside(title: str, address: str) -> str:
    """A link to something that is not a page of the screen."""
    if not address.startswith(("http://", "https://")):
        return ""
    return f'<a href="{escape(address)}" target="_blank" rel="noopener">{escape(title)} ↗</a>'


def inside(title: str, view: str, **parameters: object) -> str:
    return f'<a class="go" href="{escape(state.link(view, **parameters))}">{escape(title)} →</a>'


def rest(page: Page, path: str) -> str:
    return public_url(page) + path


def encoded(identifier: str) -> str:
    from base64 import urlsafe_b64encode

    return urlsafe_b64encode(identifier.encode("utf-8")).decode("ascii").rstrip("=")


def objects(page: Page, cell: str) -> str:
    """A box for each object: what it is, its identifier, and where to see the real one."""
    words = page.words

    def box(name: str, text: str, identifier: str, *links: str) -> str:
        return (
            f'<div class="object"><b>{escape(name)}</b><p>{escape(text)}</p><code>{escape(identifier)}</code>'
            f'<p class="links">{" · ".join(filter(None, links))}</p></div>'
        )

    shell = shell_id(cell)
    of_shell = box(words("how.shell", cell=page.name(cell)), words("how.shell.text"), shell,
                   outside("AAS REST", rest(page, f"/shells/{encoded(shell)}")))  # fmt: skip
    parts = []
    for name in SUBMODELS:
        identifier = submodel_id(cell, name)
        parts.append(box(name, words(f"how.{name}"), identifier, inside(words("view.aas"), "aas", submodel=name),
                         outside("AAS REST", rest(page, f"/submodels/{encoded(identifier)}"))))  # fmt: skip
    fleet = fleet_submodel_id()
    others = [box("Fleet", words("how.Fleet"), fleet, inside(words("view.fleet"), "fleet"),
                  outside("AAS REST", rest(page, f"/submodels/{encoded(fleet)}/$value")))]  # fmt: skip
    try:
        versions = page.twin.model_versions()
    except Trouble:
        versions = []
    if versions:
        identifier = versions[-1][1]
        others.append(box("AIModelNameplate", words("how.AIModelNameplate"), identifier,
                          inside(words("view.model"), "model"),
                          outside("AAS REST", rest(page, f"/submodels/{encoded(identifier)}"))))  # fmt: skip
    return (
        f'<div class="objects">{of_shell}<div class="objects inner">{"".join(parts)}</div></div>'
        f'<div class="objects beside">{"".join(others)}</div>'
    )


def steps(page: Page, cell: str) -> None:
    """The lesson's calls once they were made; they stay until another cell is chosen."""
    words = page.words
    records = page.read(lambda: page.twin.records(cell))
    if records is None:
        return
    numbers = [row["id_cycle"] for row in records.value]
    at_cycle = numbers[len(numbers) // 2] if numbers else None
    said = words("how.invoke", cell=page.name(cell), cycle=words.number(at_cycle))
    key = ("lesson", cell)
    if st.button(said, key="lesson", type="primary", icon=":material/play_arrow:", disabled=at_cycle is None):
        with st.spinner(words("working")):
            st.session_state["_lesson"] = (key, lesson.give(page.twin, cell, at_cycle))
    kept = st.session_state.get("_lesson")
    if not kept or kept[0] != key:
        page.html(f'<p class="hint">{escape(words("how.not_yet"))}</p>')
        return
    given: lesson.Lesson = kept[1]
    for number, (step, call) in enumerate(zip(lesson.STEPS, given.calls, strict=False), start=1):
        show_call(page, cell, number, step, call)
    if given.failure:
        page.notice("critical", given.failure)


def show_call(page: Page, cell: str, number: int, step: str, call: Exchange) -> None:
    words = page.words
    took = words.quantity(call.took_ms, "ms")
    identifier = f"<p><small>{escape(words('how.decoded'))} {escape(lesson.identifier_in(call.path))}</small></p>"
    page.html(
        f'<div class="step"><span class="number">{number}</span><div><b>{escape(words(f"how.step.{step}"))}</b>'
        f"<p>{escape(words(f'how.step.{step}.text'))}</p>"
        f'<p class="call"><span class="method">{escape(call.method)}</span> <code>{escape(call.path)}</code> '
        f'<span class="status-code">{call.status}</span> <small>{escape(took)}</small></p>{identifier}</div></div>'
    )
    if call.sent:
        with st.expander(words("how.body")):
            st.code(call.sent, language="json", wrap_lines=True)
    with st.expander(words("how.answer"), expanded=step == "invoke"):
        st.code(call.answered, language="json", wrap_lines=True)
    if step == "invoke":
        submodel = page.read(lambda: page.twin.submodel(cell, "Prediction"))
        address = delegate_of(submodel.value) if submodel else ""
        page.html(f'<p class="hint">{escape(words("how.delegated", address=address or MISSING))}</p>')
        with st.expander(words("how.delegated.body")):
            st.code(lesson.handed_on(call.sent), language="json", wrap_lines=True)
        links = [
            outside(words("aas.swagger.basyx"), public_url(page) + SWAGGER_OF_BASYX),
            outside(words("aas.swagger.delegate"), address),
            inside(words("view.aas"), "aas", submodel="Prediction"),
        ]
    elif call.method == "GET":
        links = [outside("AAS REST", public_url(page) + call.path)]
        links += [inside(words("view.cell"), "cell")] if step == "stored" else []
    page.html(f'<p class="links">{" · ".join(filter(None, links))}</p>')


def pictures(page: Page, cell: str, measured: tuple[list[int], list[float]], prediction: PredictionSubmodel) -> str:
    """From measured capacities to a remaining life, with the numbers of this cell."""
    words, forecast = page.words, prediction.forecast
    points = list(zip(*measured, strict=True))
    ahead = [(at, value) for at, value, *_ in forecast.trajectory]
    low = [(at, value) for at, _, value, _ in forecast.trajectory if value is not None]
    high = [(at, value) for at, _, _, value in forecast.trajectory if value is not None]
    drivers = [(words.concept(one["name"]), one["effect"]) for one in forecast.drivers]
    similar = bars(page, words("cell.similar"), [(name, weight * 100) for name, weight in forecast.similar], False)
    last = words.quantity(points[-1][1] if points else None, "Ah", 3)
    life = words.interval(forecast.rul_lower, forecast.rul_upper, words("unit.cycles"))
    grade = f"grade.{forecast.grade}"
    trust = words(grade) if words.has(grade) else forecast.grade or MISSING
    trusted = [(words("provenance.grade"), trust), (words("provenance.version"), forecast.model_version or MISSING)]
    parts = [
        (pieces.small_chart(words("chart.measured"), last, [words("how.records"), words.cycles(len(points))],
                            [(points, theme.BLUE, "")]), "how.picture.measured", inside(words("view.cell"), "cell")),
        (bars(page, words("cell.drivers"), drivers), "how.picture.features", inside(words("view.cell"), "cell")),
        (similar, "how.picture.similar", inside(words("view.compare"), "compare")),
        (pieces.small_chart(words("chart.predicted"), words.cycles(forecast.rul), [words("how.interval"), life],
                            [(ahead, theme.VERMILLION, ""), (low, theme.GREY, "4 3"), (high, theme.GREY, "4 3")]),
         "how.picture.blend", inside(words("view.simulation"), "simulation")),
        (pieces.facts(trusted), "how.picture.trust", inside(words("view.model"), "model")),
    ]  # fmt: skip
    drawn = "".join(
        f'<li><div class="step"><span class="number">{number}</span><div>{picture}<p>{escape(words(text))}</p>'
        f'<p class="links">{link}</p></div></div></li>'
        for number, (picture, text, link) in enumerate(parts, start=1)
    )
    return f'<ol class="pictures">{drawn}</ol>'


def bars(page: Page, title: str, items: list[tuple[str, float]], signed: bool = True) -> str:
    """The largest few, each with its share in %."""
    words = page.words
    head = f"<figcaption><span>{escape(title)}</span></figcaption>"
    if not items:
        return f'<figure class="small">{head}<p class="hint">{escape(words("cell.drivers.none"))}</p></figure>'
    shown = sorted(items, key=lambda item: -abs(item[1]))[:MOST_BARS]
    widest = max(abs(value) for _, value in shown) or 1
    rows = "".join(
        f'<div class="driver"><span>{escape(name)}</span><div class="bar tall"><i style="width:'
        f'{abs(value) / widest * 100:.0f}%"></i></div>'
        f"<b>{escape(words.quantity(value, '%', 0, signed=signed))}</b></div>"
        for name, value in shown
    )
    return f'<figure class="small">{head}{rows}</figure>'
