"""The data sheet of a cell: its description on one page of Markdown, English beside French."""

from aasx.cell_description import CellDescription
from aasx.elements.build import NOT_STATED

_MISSING = f"{NOT_STATED['en']} / {NOT_STATED['fr']}"


def render(description: CellDescription) -> str:
    """The data sheet as Markdown text; what the source does not state is said not to be stated."""
    rated_origin = "" if description.rated_capacity_origin == "stated" else f" ({description.rated_capacity_origin})"
    rows = [
        (
            "Rated capacity / Capacité assignée",
            _number(description.used_rated_capacity_Ah, "Ah") + rated_origin,
        ),
        ("End-of-life capacity / Capacité de fin de vie", _number(description.end_of_life_capacity_Ah, "Ah")),
        ("Charge current / Courant de charge", _number(description.charge_current_A, "A")),
        ("Charge voltage / Tension de charge", _number(description.charge_voltage_V, "V")),
        ("Charge cut-off current / Courant de fin de charge", _number(description.charge_cut_off_current_A, "A")),
        ("Discharge / Décharge", description.discharge_profile or _MISSING),
        ("Discharge current / Courant de décharge", _numbers(description.discharge_currents_A, "A")),
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
    lines = [
        f"# {description.texts['en']} / {description.texts['fr']}",
        "",
        "| | |",
        "|---|---|",
        *(f"| {name} | {_cell_text(value)} |" for name, value in rows),
    ]
    if notes:
        lines += ["", *(f"- {note}" for note in notes)]
    return "\n".join(lines) + "\n"


def _cell_text(text: str) -> str:
    """Text inside a table: no line breaks, no column bars."""
    return " ".join(text.split()).replace("|", "\\|")


def _number(value: float | None, unit: str) -> str:
    return _MISSING if value is None else f"{value:g} {unit}"


def _numbers(numbers: list[float], unit: str) -> str:
    return ", ".join(f"{value:g} {unit}" for value in numbers) if numbers else _MISSING
