"""Content that is unusual: no cell, NaN, thousands of cycles, hundreds of cells. On a store of its own."""

import math

import pytest

from aasx import transfer
from aasx.cell_description import from_mapping
from aasx.client import AasClient
from aasx.identifiers import fleet_shell_id, fleet_submodel_id
from aasx.packages import package
from aasx.shell import build_cell, build_fleet, cell_files
from dashboard.reading import twin as twin_module
from dashboard.views import fleet
from tests.dashboard.test_views import assert_sound, shown

MANY = 300


@pytest.fixture
def client(basyx):
    """The AAS environment, emptied of what others left; what a test puts in is removed after it."""
    client = AasClient(basyx.url)
    empty(client)
    yield client
    empty(client)


def empty(client):
    for shell in list(client.shells()):
        client.delete_shell(shell["id"])
    for submodel in list(client.submodels()):
        client.delete_submodel(submodel["id"])


def load(client, objects, files=None):
    transfer.load(client, package.Package(package.environment_of(objects), files or {}))


def long_life(cycles):
    """Records of a cell that fades slowly; some values are missing."""
    return [
        {"id_cycle": k, "Time": f"2020-01-01T{k % 24:02d}:00:00", "type": "discharge", "ambient_temperature": 24.0,
         "Capacity": None if k % 97 == 0 else 1.9 - 0.0002 * k + 0.01 * math.sin(k)}
        for k in range(1, cycles + 1)
    ]  # fmt: skip


def a_cell(name, cycles):
    description = from_mapping({"cell": name, "source": "made for a test"})
    objects = build_cell(description, records=long_life(cycles), delegate_url="http://127.0.0.1:9")
    return objects, cell_files(description)


def test_a_twin_that_is_not_loaded_at_all(basyx, client, open_page):
    page = open_page(basyx.url, view="fleet")
    assert_sound(page)
    assert "banner" in shown(page)


def test_an_empty_fleet_invites_to_add_a_cell(basyx, client, open_page):
    load(client, build_fleet({}, delegate_url="http://127.0.0.1:9"))
    for view in ("fleet", "cell", "live", "simulation", "compare", "alerts", "model", "aas", "record"):
        page = open_page(basyx.url, view=view)
        assert_sound(page)


def test_a_long_life_with_gaps(basyx, client, open_page):
    """How long the first look at 3,500 cycles takes: scripts/bench_screen.py."""
    load(client, *a_cell("Long", 700))
    load(client, build_fleet({"Long": {}}, delegate_url="http://127.0.0.1:9"))
    for view in ("cell", "live", "compare", "simulation"):
        page = open_page(basyx.url, view=view, cell="Long", cells="Long", mode="film")
        assert_sound(page)


def test_values_that_are_no_numbers(basyx, client, open_page):
    """NaN and infinities may stand in an xs:double; the screen marks them."""
    load(client, build_fleet({"Odd": {}}, delegate_url="http://127.0.0.1:9"))
    submodel = client.submodel(fleet_submodel_id())
    row = next(e for e in submodel["submodelElements"] if e["idShort"] == "Cells")["value"][0]
    for element in row["value"]:
        if element["idShort"] in ("Capacity", "StateOfHealth", "RUL"):
            element["value"] = "NaN"
        elif element["idShort"] in ("RULLower", "RULUpper"):
            element["value"] = "INF"
        elif element["idShort"] == "CapacityTrend":
            element["value"] = "1:NaN 2:1.8 three:four"
        elif element["idShort"] == "AlertSeverity":
            element["value"] = "<script>alert(1)</script>"
    client.put_submodel(submodel)
    for layout in ("table", "multiples"):
        page = open_page(basyx.url, view="fleet", layout=layout)
        assert_sound(page)
        assert "<script>" not in shown(page)
        marked = shown(page).replace("&#x27;NaN&#x27;", "")  # named as foreign, never shown as a number
        assert "NaN" not in marked and "nan" not in marked.replace("finance", "")
        assert "Cells.Odd.RUL is &#x27;NaN&#x27;, not number" in shown(page)


@pytest.fixture
def crowd(client):
    """A Fleet submodel of 300 cells (the cells themselves are not needed to see the fleet)."""
    severities = ("none", "none", "none", "warning", "critical", "endOfLife")
    rows = {
        f"C{index:04d}": {
            "AtCycle": 157, "Capacity": 1.586 - index * 0.0004, "StateOfHealth": 79.3 - index * 0.02,
            "StateOfHealthLower": 78.0 - index * 0.02, "StateOfHealthUpper": 80.5 - index * 0.02,
            "RUL": 95.0 - index * 0.3, "RULLower": max(0.0, 60.0 - index * 0.3), "RULUpper": 130.0 - index * 0.3,
            "EndOfLifeCycle": 250 - index // 3,
            "AlertSeverity": severities[index % 6], "UnacknowledgedAlerts": int(index % 6 > 3),
            "LastUpdate": "2026-01-01T00:00:00Z",
            "CapacityTrend": " ".join(f"{k}:{1.9 - 0.002 * k - index * 0.0004:.4f}" for k in range(1, 160, 4)),
        }
        for index in range(MANY)
    }  # fmt: skip
    load(client, build_fleet(rows, delegate_url="http://127.0.0.1:9"))
    return list(rows)


def linked(page, cell):
    return f'cell={cell}"' in shown(page)


def test_three_hundred_cells(basyx, crowd, open_page, counted):
    names = fleet.pick(twin_module.Twin(basyx.url).fleet().value, "", "all", "urgency")
    first = [row.name for row in names[: fleet.ROWS_PER_PAGE]]
    counted.made.clear()
    for layout in ("table", "multiples"):
        page = open_page(basyx.url, view="fleet", layout=layout)
        assert_sound(page)
        assert all(linked(page, name) for name in first) and not linked(page, names[-1].name)
        page.query_params["page"] = "6"
        page.run()
        assert_sound(page)
        assert linked(page, names[-1].name) and not linked(page, first[0])
        page.text_input(key="fleet_q").set_value(first[3]).run()
        assert "page" not in page.query_params and linked(page, first[3])
    assert not [request for request in counted.made if "/shells" in request or "Prediction" in request]


def test_a_shell_without_a_row_in_the_fleet_can_still_be_opened(basyx, client, open_page):
    load(client, build_fleet({}, delegate_url="http://127.0.0.1:9"))
    load(client, *a_cell("Alone", 20))
    page = open_page(basyx.url, view="cell", cell="Alone")
    assert_sound(page)
    assert page.selectbox(key="cell_choice").value == "Alone"
    assert fleet_shell_id() not in page.selectbox(key="cell_choice").options
