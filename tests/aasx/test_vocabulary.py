from __future__ import annotations

from aasx import vocabulary
from aasx.elements import build
from aasx.identifiers import concept_id


def test_every_concept_has_names_and_definitions_in_both_languages() -> None:
    for concept in [*vocabulary.CONCEPTS.values(), *vocabulary.template_concepts().values()]:
        texts = (concept.name_en, concept.name_fr, concept.definition_en, concept.definition_fr)
        assert all(text and text == text.strip() for text in texts), concept.id
        assert concept.definition_en != concept.definition_fr, concept.id
        assert len(concept.name_en) <= 255 and len(concept.name_fr) <= 255, concept.id


def test_ids_are_unique_and_become_concept_descriptions() -> None:
    descriptions = [build.to_json(item) for item in vocabulary.concept_descriptions()]
    ids = [item["id"] for item in descriptions]
    assert len(set(ids)) == len(ids) == len(vocabulary._TABLE) + len(vocabulary.template_concepts())
    assert concept_id("Capacity") in ids


def test_units_in_the_names_of_the_columns_agree_with_the_vocabulary() -> None:
    units = {column.id_short: column.unit for column in vocabulary.RECORD_COLUMNS}
    assert units["Capacity"] == "Ah" and units["Rct"] == "Ω" and units["RestBefore"] == "h"
    assert units["Voltage300s"] == "V" and units["TemperatureRise"] == "K" and units["type"] is None


def test_time_of_a_record_is_the_bench_clock_not_the_time_in_the_cycle() -> None:
    (time,) = (column for column in vocabulary.RECORD_COLUMNS if column.id_short == "Time")
    assert time.concept.id == "CycleStartTime" and time.xs_type == "xs:dateTime"
    assert vocabulary.CONCEPTS["Time"].unit == "s"
