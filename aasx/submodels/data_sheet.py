"""The data sheet of a cell: its description on one page that any browser opens and prints, English beside French."""

import html

from aasx.cell_description import CellDescription
from aasx.elements.build import NOT_STATED

CONTENT_TYPE, EARLIER_CONTENT_TYPE = "text/html", "text/markdown"

_MISSING = f"{NOT_STATED['en']} / {NOT_STATED['fr']}"


# The page stands alone: no script, nothing that is fetched.
_STYLE = """
body { font: 16px/1.45 system-ui, sans-serif; color: #1b1b1b; background: #fff; max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem }
h1 { font-size: 1.4rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; border-bottom: 1px solid #ccc }
th { font-weight: 600; width: 40% }
"""


def render(description: CellDescription) -> str:
    """The data sheet as an HTML page; what the source does not state is said not to be stated."""
    rated_origin = "" if description.rated_capacity_origin == "stated" else f" ({description.rated_capacity_origin})"
    rows = [
        (
            "Rated capacity / Capacité assignée",
            _number(description.rated_capacity_Ah, "Ah") + rated_origin,
        ),
        ("Cell type / Type de cellule", description.cell_type or _MISSING),
        ("Chemistry / Chimie", description.chemistry or _MISSING),
        ("Form / Format", description.form or _MISSING),
        (
            "Cells in series, in parallel / Cellules en série, en parallèle",
            f"{description.series_count}, {description.parallel_count}",
        ),
        (
            "Voltage limits of a cell / Limites de tension d'une cellule",
            f"{_number(description.lowest_cell_voltage_V, 'V')} - {_number(description.highest_cell_voltage_V, 'V')}"
            if description.highest_cell_voltage_V is not None
            else _MISSING,
        ),
        (
            "Highest charge current / Courant de charge maximal",
            _number(description.highest_charge_current_A, "A"),
        ),
        (
            "Highest discharge current / Courant de décharge maximal",
            _number(description.highest_discharge_current_A, "A"),
        ),
        ("End of life / Fin de vie", f"{description.used_end_of_life_percent:g} %{_end_of_life_origin(description)}"),
        ("End-of-life capacity / Capacité de fin de vie", _number(description.end_of_life_capacity_Ah, "Ah")),
        ("Charge current / Courant de charge", _number(description.charge_current_A, "A")),
        ("Charge voltage / Tension de charge", _number(description.charge_voltage_V, "V")),
        ("Charge cut-off current / Courant de fin de charge", _number(description.charge_cut_off_current_A, "A")),
        ("Discharge / Décharge", description.discharge_profile or _MISSING),
        ("Discharge current / Courant de décharge", _numbers(description.discharge_currents_A, "A")),
        ("Capacity counts down to / Capacité comptée jusqu'à", _number(description.capacity_end_voltage_V, "V")),
        ("Expected life / Durée de vie attendue", _number(description.expected_life_cycles, "cycles")),
        ("Cut-off voltage / Tension d'arrêt", _number(description.cut_off_voltage_V, "V")),
        ("Ambient temperature / Température ambiante", _numbers(description.ambient_temperatures_degC, "°C")),
        (
            "Impedance sweep / Balayage d'impédance",
            f"{_number(description.impedance_sweep_min_Hz, 'Hz')} - {_number(description.impedance_sweep_max_Hz, 'Hz')}"
            if description.impedance_sweep_min_Hz is not None
            else _MISSING,
        ),
        ("Source", description.source),
        ("Citation", description.citation or _MISSING),
    ]
    notes = [note for note in (description.note_en, description.note_fr) if note]
    title = _text(f"{description.texts['en']} / {description.texts['fr']}")
    return "\n".join(
        [
            "<!DOCTYPE html>",
            f'<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style></head><body>',
            f"<h1>{title}</h1>",
            "<table>",
            *(f'<tr><th scope="row">{_text(name)}</th><td>{_text(value)}</td></tr>' for name, value in rows),
            "</table>",
            *(f"<p>{_text(note)}</p>" for note in notes),
            "</body></html>",
            "",
        ]
    )


def _end_of_life_origin(description: CellDescription) -> str:
    if description.end_of_life_capacity_Ah is None and description.end_of_life_percent is None:
        return " (conventionOfTheField)"
    return "" if description.end_of_life_origin == "stated" else f" ({description.end_of_life_origin})"


def _text(text: str) -> str:
    """Text of anybody's as text of a page."""
    return html.escape(" ".join(text.split()))


def _number(value: float | None, unit: str) -> str:
    return _MISSING if value is None else f"{value:g} {unit}"


def _numbers(numbers: list[float], unit: str) -> str:
    return ", ".join(f"{value:g} {unit}" for value in numbers) if numbers else _MISSING
