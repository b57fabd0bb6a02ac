"""AppendCycles through the real BaSyx."""

from __future__ import annotations

import pytest

from tests.operations.conftest import cycle, fading


def rows(cycles: list[dict]) -> str:
    names = list(cycles[0])
    return "\n".join([",".join(names), *(",".join(str(one.get(name, "")) for name in names) for one in cycles)])


def test_many_cycles_are_what_single_ones_are(new_cell):
    many, single = new_cell(fading(2)), new_cell(fading(2))
    new = [cycle(number, 1.84 - 0.004 * number, Voltage_measured=3.5) for number in range(3, 12)]
    answer = many.invoke("AppendCycles", CycleRows=rows(new))
    for one in new:
        last = single.invoke("AppendCycle", **one)
    assert (answer["CyclesAppended"], answer["RecordCount"], answer["RUL"]) == (9, 11, last["RUL"])
    path = "Segments.InternalSegment"
    found, expected = many.value(path, "OperationalData"), single.value(path, "OperationalData")
    assert found["Records"] == expected["Records"] and found["RecordCount"] == 11
    assert many.value("PredictionDetails")["InputLastCycle"] == 11 and many.fleet()["AtCycle"] == 11
    again = many.invoke("AppendCycles", CycleRows=rows(new))
    assert (again["CyclesAppended"], again["CyclesPresent"]) == (0, 9)


def test_a_wrong_row_is_rejected_with_its_reason_and_the_others_go_on(new_cell):
    cell = new_cell(fading(2))
    new = [cycle(3, 1.83), cycle(4, 0.0), cycle(2, 1.5), cycle(6, 1.82), cycle(7, 1.81, Duration="long"), cycle(8, 1.8)]
    answer = cell.invoke("AppendCycles", CycleRows=rows(new))
    assert [one["CycleOutcome"] for one in answer["EndedCycles"]] == [
        "appended", "rejected", "rejected", "appended", "rejected", "appended",
    ]  # fmt: skip
    reasons = [one["Reason"] for one in answer["EndedCycles"]]
    assert "Capacity" in reasons[1] and "recorded already" in reasons[2] and "Duration = 'long'" in reasons[4]
    assert answer["RecordCount"] == 5


def test_empty_fields_are_not_given(new_cell):
    cell = new_cell([])
    cell.invoke("AppendCycles", CycleRows="id_cycle, Capacity, ambient_temperature\n1, 1.85,\n2, 1.84, 24.0\n")
    found = cell.value("Segments.InternalSegment.Records", "OperationalData")
    assert [one["ambient_temperature"] for one in found.values()] == [None, 24.0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("id_cycle,Capacity,remark\n1,1.8,x", "CycleRows line 1 = 'id_cycle,Capacity,remark': must be a header of"),
        ("Capacity\n1.8", "CycleRows line 1 = 'Capacity': must be a header of"),
        ("id_cycle,Capacity\n1,1,8", "CycleRows line 2: must have as many fields as the header"),
        ("id_cycle,Capacity\n" + "1,1.8\n" * 1001, "CycleRows = 1001: must be at most 1000 cycles a call"),
    ],
)
def test_what_is_no_such_table_is_refused_as_a_whole(new_cell, text, told):
    cell = new_cell(fading(2))
    before = cell.snapshot()
    assert cell.refused("AppendCycles", CycleRows=text).message.startswith(told)
    assert cell.snapshot() == before
