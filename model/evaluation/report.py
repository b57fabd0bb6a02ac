"""The evaluation as text for a terminal and as one HTML page with plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from model.errors import InvalidInput
from model.evaluation.evaluation import (
    ALPHA,
    CONFIDENCE_LEVEL,
    CellEvaluation,
    END_OF_LIFE_Ah,
    Evaluation,
    RulScore,
    UNTUNED_THRESHOLDS_Ah,
)
from model.life.intervals import LEVELS
from model.records.data import REFERENCE_CELLS

TARGETS: dict[str, tuple[str, float, float]] = {
    "RUL MAE, nested, 1.40 Ah": ("cycles", -np.inf, 4.34),
    "RUL MAE with B0007 (MAE4)": ("cycles", -np.inf, 9.0),
    "RUL MAE4 at 1.45 Ah (untuned)": ("cycles", -np.inf, 7.9),
    "RUL MAE4 at 1.50 Ah (untuned)": ("cycles", -np.inf, 7.9),
    "RUL MAE4 at 1.55 Ah (untuned)": ("cycles", -np.inf, 7.9),
    "alpha-lambda (0.2)": ("", 0.80, np.inf),
    "CRA": ("", 0.85, np.inf),
    "capacity RMSE, four cells": ("Ah", -np.inf, 0.010),
    "capacity MAE, all cells": ("% of 2 Ah", -np.inf, 2.0),
    "RUL interval: mean coverage over the four thresholds": ("", 0.87, 0.95),
    "RUL interval: worst cell at any of them": ("", 0.75, 1.0),
    "RUL interval: width at 1.40 Ah": ("cycles", -np.inf, 50.0),
    "capacity interval: mean coverage": ("", 0.88, 0.95),
    "capacity interval: worst cell": ("", 0.85, 1.0),
}
"""Figure -> unit, lowest and highest value aimed at. Intervals are 90 % intervals."""

Table = tuple[str, Sequence[str], Sequence[Sequence[str]]]
"""Title, column heads, rows."""


def figures(evaluation: Evaluation) -> dict[str, float]:
    """The figure that stands beside each target."""
    nested = evaluation.rul.nested
    headline = nested[END_OF_LIFE_Ah]
    rul, capacity = evaluation.rul.intervals, evaluation.capacity.intervals(evaluation.capacity.four)
    values = [
        headline.mae,
        headline.mae4,
        *(nested[threshold].mae4 for threshold in UNTUNED_THRESHOLDS_Ah),
        headline.alpha_lambda,
        headline.cra,
        evaluation.capacity.four_rmse_Ah,
        evaluation.capacity.all_mae_percent,
        float(np.mean([one.coverage_mean for one in rul.values()])),
        min(one.coverage_worst for one in rul.values()),
        rul[END_OF_LIFE_Ah].width,
        *(capacity.coverage_mean, capacity.coverage_worst),
    ]
    return dict(zip(TARGETS, values, strict=True))


def tables(evaluation: Evaluation) -> list[Table]:
    """All tables of the report."""
    result: list[Table] = [_targets(evaluation)]
    for threshold, score in evaluation.rul.nested.items():
        title = f"RUL at {threshold:.2f} Ah" + ("" if threshold == END_OF_LIFE_Ah else " (nothing was tuned to it)")
        rows = [_rul_row("nested blend", score)]
        rows += [_rul_row(name, one) for name, one in evaluation.rul.baselines[threshold].items()]
        rows += [_rul_row(f"  {name} alone", one) for name, one in evaluation.rul.alone[threshold].items()]
        heads = ["predictor", "MAE", "MAE4", "RMSE", "MSE", f"alpha {ALPHA}", "CRA", *REFERENCE_CELLS]
        result.append((title, heads, rows))
    chosen = [
        [cell, *(f"{form}, {weight:.2f}" for form, weight in bases.values())]
        for cell, bases in evaluation.rul.chosen.items()
    ]
    result.append(("Form and weight of each base, chosen without the cell", ["cell", *_bases(evaluation)], chosen))
    intervals = [
        [f"RUL at {threshold:.2f} Ah, cycles", *_numbers(3, one.coverage_mean, one.coverage_worst), f"{one.width:.1f}"]
        for threshold, one in evaluation.rul.intervals.items()
    ]
    capacity = evaluation.capacity
    for name, scores in (("four cells", capacity.four), ("all cells", capacity.all)):
        one = capacity.intervals(scores)
        intervals.append([f"capacity, {name}, Ah", *_numbers(3, one.coverage_mean, one.coverage_worst, one.width)])
    result.append(
        (f"{CONFIDENCE_LEVEL:.0%} intervals", ["interval", "mean coverage", "worst cell", "width"], intervals)
    )
    rows = [["charge before and earlier cycles", f"{capacity.four_rmse_Ah:.4f}", f"{capacity.all_mae_percent:.2f}"]]
    rows += [[name, f"{rmse:.4f}", f"{percent:.2f}"] for name, (rmse, percent) in capacity.baselines.items()]
    result.append(("Capacity of cycle k, no data of discharge k", ["predictor", "RMSE four, Ah", "MAE all, %"], rows))
    rows = [[cell, *_capacity_row(one)] for cell, one in capacity.all.items()]
    result.append(("Capacity per cell, trained on all others", ["cell", *CAPACITY_HEADS], rows))
    return result


CAPACITY_HEADS = ("RMSE, Ah", "MAE, %", "coverage", "width, Ah")


def _targets(evaluation: Evaluation) -> Table:
    rows = []
    for (name, (unit, low, high)), value in zip(TARGETS.items(), figures(evaluation).values(), strict=True):
        shown = f"{value:.4f}" if unit == "Ah" else f"{value:.2f}"
        if np.isinf(low):
            target = f"<= {high:g}"
        elif np.isinf(high) or high == 1.0:
            target = f">= {low:g}"
        else:
            target = f"{low:g} to {high:g}"
        rows.append([name, target, shown, unit, "yes" if low <= value <= high else "no"])
    return "Target and figure", ["figure", "target", "reached", "unit", "met"], rows


def _bases(evaluation: Evaluation) -> list[str]:
    return list(next(iter(evaluation.rul.chosen.values())))


def _rul_row(name: str, score: RulScore) -> list[str]:
    whole = _numbers(2, score.mae, score.mae4, score.rmse)
    shares = _numbers(2, score.alpha_lambda, score.cra)
    return [name, *whole, f"{score.mse:.1f}", *shares, *(f"{score.per_cell[cell]:.1f}" for cell in REFERENCE_CELLS)]


def _capacity_row(one) -> list[str]:
    return [f"{one.rmse_Ah:.4f}", f"{one.mae_percent:.2f}", f"{one.coverage:.3f}", f"{one.width:.3f}"]


def _numbers(digits: int, *values: float) -> list[str]:
    return [f"{value:.{digits}f}" for value in values]


def cells_tables(cells: Mapping[str, CellEvaluation]) -> list[Table]:
    """Table of given cells."""
    rows = [
        [cell, str(one.cycles), *_capacity_row(one.capacity), f"{one.persistence[0]:.4f}", f"{one.persistence[1]:.2f}"]
        for cell, one in cells.items()
    ]
    heads = ["cell", "cycles", *CAPACITY_HEADS, "persistence RMSE, Ah", "persistence MAE, %"]
    return [(f"Capacity of cells that no model has seen, {CONFIDENCE_LEVEL:.0%} intervals", heads, rows)]


# ---------------------------------------------------------------- text


def text(evaluation: Evaluation) -> str:
    """The report for a terminal."""
    return tables_text(tables(evaluation))


def tables_text(shown: Sequence[Table]) -> str:
    """Tables for a terminal."""
    return "\n\n".join(_text_table(*table) for table in shown)


def cells_text(cells: Mapping[str, CellEvaluation]) -> str:
    """The report on given cells for a terminal."""
    return "\n\n".join(_text_table(*table) for table in cells_tables(cells))


def _text_table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]

    def line(row: Sequence[str]) -> str:
        rest = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        return "  ".join([row[0].ljust(widths[0]), *rest]).rstrip()

    return "\n".join([title, line(heads), *(line(row) for row in rows)])


# ---------------------------------------------------------------- model card

CARD_START, CARD_END = "<!-- figures: made by scripts/evaluate.py --card -->", "<!-- end of figures -->"


def with_figures(card: str, evaluation: Evaluation, more: Sequence[Table] = ()) -> str:
    """The text of a model card (Markdown) with its figures, between two marks, replaced by those of this evaluation and
    more tables. Raises `InvalidInput` if the marks are missing.
    """
    before, start, rest = card.partition(CARD_START)
    _, end, after = rest.partition(CARD_END)
    if not start or not end:
        raise InvalidInput("card", "no marks", f"a text with {CARD_START} and {CARD_END}")
    shown = [*tables(evaluation)[:2], *more]
    return before + "\n\n".join([start, *(_markdown_table(*table) for table in shown), end]) + after


def _markdown_table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *([cell.strip() for cell in row] for row in rows)]
    return f"**{title}**\n\n" + "\n".join("| " + " | ".join(line) + " |" for line in lines)


# ---------------------------------------------------------------- page


def page(evaluation: Evaluation, more: Sequence[Table] = ()) -> str:
    """The report as one self-contained HTML page with plots; `more` tables stand at its end."""
    plots = [_alpha_lambda_plot(evaluation), _calibration_plot(evaluation), _capacity_plot(evaluation)]
    shown = [plot.to_html(full_html=False, include_plotlyjs=i == 0) for i, plot in enumerate(plots)]
    return _page([*tables(evaluation), *more], shown)


def tables_page(shown: Sequence[Table]) -> str:
    """Tables as one HTML page."""
    return _page(shown, [])


def cells_page(cells: Mapping[str, CellEvaluation]) -> str:
    """The report on given cells as one HTML page."""
    return _page(cells_tables(cells), [])


def _page(content: Sequence[Table], plots: Sequence[str]) -> str:
    style = "body{font:15px sans-serif;margin:2em auto;max-width:72em}table{border-collapse:collapse}"
    style += "td,th{padding:.2em .7em;text-align:right}td:first-child,th:first-child{text-align:left}"
    style += "tr:nth-child(even){background:#f3f3f3}"
    first, *rest = [_html_table(*table) for table in content]
    body = "\n".join([first, *plots, *rest])
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Battery twin: evaluation</title>'
        f"<style>{style}</style></head><body>\n<h1>Evaluation of the predictors</h1>\n{body}\n</body></html>\n"
    )


def _html_table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in heads)
    body = "\n".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<h2>{escape(title)}</h2>\n<table><tr>{head}</tr>\n{body}</table>"


def _alpha_lambda_plot(evaluation: Evaluation):
    """True and predicted RUL over the cycles of each headline cell, with the cone of +-20 % and the 90 % interval."""
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=2, cols=2, subplot_titles=REFERENCE_CELLS, x_title="cycle", y_title="RUL, cycles")
    rul = evaluation.rul
    for i, cell in enumerate(REFERENCE_CELLS):
        life, (low, high) = rul.lives[cell], rul.bounds[cell]
        at = {"row": i // 2 + 1, "col": i % 2 + 1}
        show = {"showlegend": i == 0}
        around = np.concatenate((life.cycles, life.cycles[::-1]))
        band = {"x": around, "mode": "lines", "fill": "toself", "line": {"width": 0}, "hoverinfo": "skip", **show}
        figure.add_scatter(y=np.concatenate((high, low[::-1])), name="90 % interval", fillcolor="#d3e0f2", **band, **at)
        if life.true is not None:
            cone = np.concatenate(((1 + ALPHA) * life.true, (1 - ALPHA) * life.true[::-1]))
            figure.add_scatter(y=cone, name="true ±20 %", fillcolor="rgba(90,160,90,.3)", **band, **at)
            figure.add_scatter(x=life.cycles, y=life.true, name="true", line={"color": "#2a7a2a"}, **show, **at)
        predicted = rul.predicted[cell]
        figure.add_scatter(x=life.cycles, y=predicted, name="predicted", line={"color": "#1f4e9c"}, **show, **at)
    figure.update_layout(title="RUL of cells that the model never saw (α-λ plot)", height=700, template="plotly_white")
    return figure


def _calibration_plot(evaluation: Evaluation):
    """Observed over nominal coverage."""
    import plotly.graph_objects as go

    figure = go.Figure()
    figure.add_scatter(x=LEVELS, y=LEVELS, name="ideal", line={"dash": "dash", "color": "#888"})
    figure.add_scatter(x=LEVELS, y=evaluation.rul.coverage, name="RUL, 1.40 Ah", mode="lines+markers")
    figure.add_scatter(x=LEVELS, y=evaluation.capacity.coverage, name="capacity, four cells", mode="lines+markers")
    figure.update_layout(
        title="Calibration of the intervals",
        xaxis_title="confidence level",
        yaxis_title="observed coverage",
        height=450,
        template="plotly_white",
    )
    return figure


def _capacity_plot(evaluation: Evaluation):
    """Predicted over measured capacity of the headline cells."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for cell, (true, said, _, _) in evaluation.capacity.predicted.items():
        figure.add_scatter(x=true, y=said, name=cell, mode="markers", marker={"size": 4})
    figure.add_scatter(x=[1.1, 2.1], y=[1.1, 2.1], name="ideal", line={"dash": "dash", "color": "#888"})
    figure.update_layout(
        title="Capacity of the present cycle",
        xaxis_title="measured, Ah",
        yaxis_title="predicted, Ah",
        height=450,
        template="plotly_white",
    )
    return figure
