"""Submodel OperationalData: IDTA 02008-1-1, Time Series Data, with a live state and what takes in cycles and samples.

    Metadata.Record                                    the columns: types and semanticIds, no values
    Segments.InternalSegment.Records.Record0001 ...    one record per discharge cycle, values only; of a long history
                                                       the latest some 200
    Segments.History0001, .History0201 ...             the older cycles, 200 in each: Data is a CSV file with the
                                                       columns of Metadata.Record (see history_table)
    Segments.ExternalSegment.Data                      CSV file with sampled curves of all cycles (see curves)
    Segments.LatestCycle.Data                          CSV file with sampled curves of the last appended cycle
    WithdrawnCycles, Corrections                       cycles that were taken out; who corrected what, and why
    LiveState                                          last sample and last cycle, state of charge, the cell's clock,
                                                       whether it is in service
    ServiceChange                                      who put the cell into service or out of it, when and why
    RunningCycle.Latest                                samples of the cycle that has not ended (JSON), and beside it
                                                       CSV files with older samples of a long one
    RejectedCycles                                     the last discharges that are no cycle, and why
    Imports.Import...                                  files brought in, see aasx.submodels.imports
    AppendCycle, AppendCycles, AppendSamples,
    CorrectCycle, ImportFile, SetServiceState          operations

The idShort is OperationalData where the template says TimeSeries; the semanticId carries the identity. The records
carry no semanticId of their own: Metadata.Record has them, and 168 records are then half as large.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from basyx.aas import model

from aasx.cell_description import CellDescription
from aasx.elements.build import (
    JsonCollection,
    administration,
    collection,
    collection_element,
    collection_list,
    external_reference,
    file,
    list_item,
    multi_language,
    own_property,
    property_,
    property_element,
    submodel,
    to_json,
)
from aasx.elements.shape import Shape, shape_of
from aasx.identifiers import concept_id, submodel_id
from aasx.submodels import history_table, imports
from aasx.submodels.operation_variables import (
    APPEND_CYCLE,
    APPEND_CYCLES,
    APPEND_SAMPLES,
    CORRECT_CYCLE,
    IMPORT_FILE,
    RECORD_COUNT_SEMANTIC_ID,
    SET_SERVICE_STATE,
    operation,
)
from aasx.vocabulary import IN_SERVICE, RECORD_COLUMNS, choices

TIME_SERIES = "https://admin-shell.io/idta/TimeSeries"
SEMANTIC_ID = f"{TIME_SERIES}/1/1"
TEMPLATE_ID = "https://admin-shell.io/idta-02008-1-1"
RECORD_SEMANTIC_ID = f"{TIME_SERIES}/Record/1/1"
EXTERNAL_SEGMENT_SEMANTIC_ID = f"{TIME_SERIES}/Segments/ExternalSegment/1/1"

RECORDS_PATH = "Segments.InternalSegment.Records"
CURVES_PATH = "Segments.ExternalSegment.Data"
REPLAY_OF = "ReplayOf"  # in Metadata
LATEST_CURVES_PATH = "Segments.LatestCycle.Data"
RUNNING_CYCLE = "RunningCycle"
RUNNING_LATEST_PATH = f"{RUNNING_CYCLE}.Latest"
REJECTED_CYCLES = "RejectedCycles"
BENCH, UTC_CLOCK = "bench", "UTC"

# idShorts of the live state, each a concept of our vocabulary
LIVE_STATE = (
    "Battery", "id_cycle", "type", "ambient_temperature", "Time", "Voltage_measured", "Current_measured",
    "Temperature_measured", "Current_charge", "Voltage_charge", "Capacity", "StateOfHealth", "LastUpdate",
    "Clock", "SampleTime", "ReceivedAt", "StateOfCharge", "FullChargeAt", "FullChargeAge", "ServiceState",
)  # fmt: skip

SERVICE_CHANGE = ("ChangedBy", "ChangedAt", "Comment")
CORRECTION = ("id_cycle", "CorrectedBy", "CorrectedAt", "Comment", "Outcome", "OldValues", "NewValues")
MOST_CORRECTIONS = 500
"""Kept in Corrections; the oldest go first."""

Record = Mapping[str, Any]  # idShort of the column -> Python value or None
COLUMNS = frozenset(column.id_short for column in RECORD_COLUMNS)


def build(
    description: CellDescription,
    records: Sequence[Record],
    delegate_url: str,
    curves_path: str | None = None,
    latest_curves_path: str | None = None,
    table_path: Callable[[str], str] | None = None,
) -> model.Submodel:
    """The operational data of a cell. `records` are in the order of id_cycle, which may have gaps.

    The two paths are part names of CSV files in a package; None for a File element without content. `table_path` gives
    that of the table of older cycles at an idShort path (`tables` gives its content); without it all are Records.
    """
    cell = description.cell
    older, latest = history_table.blocks(records) if table_path else ([], records)
    return submodel(
        submodel_id(cell, "OperationalData"),
        "OperationalData",
        SEMANTIC_ID,
        [
            collection(
                "Metadata",
                [
                    multi_language(
                        "Name",
                        {
                            "en": f"Ageing history of {description.display_name}",
                            "fr": f"Historique de vieillissement de {description.display_name}",
                        },
                        f"{TIME_SERIES}/Metadata/Name/1/1",
                    ),
                    multi_language(
                        "Description",
                        {
                            "en": f"one record per discharge with a valid capacity; source: {_source(description)}",
                            "fr": f"un enregistrement par décharge à capacité valide ; source : {_source(description)}",
                        },
                        f"{TIME_SERIES}/Metadata/Description/1/1",
                    ),
                    own_property(REPLAY_OF, description.replay_of),
                    collection(
                        "Record",
                        [
                            property_(column.id_short, column.xs_type, None, concept_id(column.concept.id))
                            for column in RECORD_COLUMNS
                        ],
                        RECORD_SEMANTIC_ID,
                    ),
                ],
                f"{TIME_SERIES}/Metadata/1/1",
            ),
            collection(
                "Segments",
                [
                    _internal_segment(latest),
                    *(_history_segment(block, table_path) for block in older),
                    _external_segment(
                        "ExternalSegment",
                        {"en": "Sampled curves of all cycles", "fr": "Courbes échantillonnées de tous les cycles"},
                        curves_path,
                    ),
                    _external_segment(
                        "LatestCycle",
                        {"en": "Sampled curves of the last cycle", "fr": "Courbes échantillonnées du dernier cycle"},
                        latest_curves_path,
                    ),
                ],
                f"{TIME_SERIES}/Segments/1/1",
            ),
            _live_state(description, records[-1] if records else {}),
            collection("ServiceChange", [own_property(name) for name in SERVICE_CHANGE], concept_id("ServiceChange")),
            own_property("WithdrawnCycles"),
            collection_list("Corrections", [], concept_id("Corrections"), concept_id("Correction")),
            collection(
                RUNNING_CYCLE,
                [file("Latest", "application/json", None, concept_id("RunningSamples"))],
                concept_id(RUNNING_CYCLE),
            ),
            collection_list(REJECTED_CYCLES, [], concept_id(REJECTED_CYCLES), concept_id("RejectedCycle")),
            imports.imports(),
            *(
                operation(one, delegate_url, cell)
                for one in (APPEND_CYCLE, APPEND_CYCLES, APPEND_SAMPLES, CORRECT_CYCLE, IMPORT_FILE, SET_SERVICE_STATE)
            ),
        ],
        # constant: BaSyx overwrites a stored submodel, with its history, when version or revision differ
        administration("1", "1", TEMPLATE_ID),
        {"en": "Operational data", "fr": "Données d'exploitation"},
        {
            "en": "Time series data (IDTA 02008-1-1; idShort TimeSeries there): one record per discharge cycle",
            "fr": "Séries temporelles (IDTA 02008-1-1 ; idShort TimeSeries) : un enregistrement par cycle de décharge",
        },
    )


def tables(records: Sequence[Record]) -> dict[str, bytes]:
    """The tables of older cycles that `build` names, by the idShort path of their File element."""
    older, _ = history_table.blocks(records)
    return {
        table_path_of(history_table.id_short(block[0]["id_cycle"])): history_table.to_csv(
            [*map(history_table.texts, block)]
        )
        for block in older
    }


def table_path_of(segment: str) -> str:
    return f"Segments.{segment}.Data"


def is_content(path: str) -> bool:
    """True for what a cell's life puts into the submodel, unlike its structure: cycles, and segments of older ones."""
    names = path.split(".")
    of_history = names[0] == "Segments" and len(names) > 1 and history_table.first_cycle(names[1]) is not None
    return of_history or path.startswith(f"{RECORDS_PATH}.")


def history_segment(texts: Sequence[history_table.Texts]) -> dict:
    """JSON of the segment that holds these cycles, its file still without content."""
    return to_json(_history_segment(texts, None))


def history_facts(texts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How many cycles a segment holds, and the times of the first and last, by idShort."""
    start, end = (texts[0].get("Time"), texts[-1].get("Time")) if texts else (None, None)
    return {"RecordCount": len(texts), "StartTime": start, "EndTime": end}


@cache
def shape() -> Shape:
    """What the twin expects of an OperationalData submodel: any number of records."""
    whole = shape_of(to_json(build(CellDescription(cell="cell", source="-"), [], "")), choices())
    whole = whole.with_part(RECORDS_PATH, replace(whole.part(RECORDS_PATH), every=record_shape()))
    for path in ("WithdrawnCycles", "LiveState.ServiceState", "ServiceChange"):
        whole = whole.with_part(path, replace(whole.part(path), optional=True))
    corrections = replace(whole.part("Corrections"), every=shape_of(correction_item(), choices()), optional=True)
    one_import = shape_of(imports.import_item(), choices())
    files = replace(whole.part(imports.IMPORTS), every=one_import, optional=True)
    return whole.with_part("Corrections", corrections).with_part(imports.IMPORTS, files)


@cache
def record_shape() -> Shape:
    """What the twin expects of one cycle."""
    return shape_of(record_item(), choices())


@cache
def history_shape() -> Shape:
    """Of that only the cycles, their segments and the live state; of the metadata whatever stands there."""
    latest, older = shape().part("Segments.InternalSegment"), shape_of(history_segment([{"id_cycle": "1"}]))
    segments = Shape("SubmodelElementCollection", members={"InternalSegment": latest}, every=older)
    parts = {name: shape().part(name) for name in ("LiveState", "WithdrawnCycles")}
    return Shape("Submodel", members={"Segments": segments, **parts, "Metadata": Shape("Content")})


def replay_of(operational_data: Mapping[str, Any]) -> str | None:
    """The cell that this one is a replay of, out of values read by `history_shape`; None for a cell of its own."""
    metadata = operational_data.get("Metadata")
    stated = metadata.get(REPLAY_OF) if isinstance(metadata, dict) else None
    return stated if isinstance(stated, str) and stated else None


def withdrawn_cycles(text: str | None) -> frozenset[int]:
    """The numbers that stand in WithdrawnCycles; what is no number there is passed over."""
    return frozenset(int(number) for number in (text or "").split() if number.isdecimal() and len(number) < 10)


@cache
def correction_item() -> dict:
    """JSON of an item of Corrections without values."""
    return to_json(list_item([own_property(name) for name in CORRECTION], concept_id("Correction")))


@cache
def template(path: str) -> dict:
    """JSON of an element as a cell without cycles has it, not to be changed; `path`: idShorts, not into a list."""
    whole = to_json(build(CellDescription(cell="cell", source="-"), [], ""))
    children, found = whole["submodelElements"], {}
    for name in path.split("."):
        found = next(child for child in children if child["idShort"] == name)
        children = found.get("value") or []
    return found


def _source(description: CellDescription) -> str:
    parts = (description.citation, description.source)
    return "; ".join(part for part in parts if part is not None)


def record_id_short(id_cycle: int) -> str:
    """Record0001 for cycle 1; more digits when needed."""
    return f"Record{id_cycle:04d}"


def record_element(id_short: str | None, row: Record) -> dict:
    """JSON of one record; every column is there, without value where the row has none. Raises ValueError on a wrong
    value."""
    if unknown := set(row) - COLUMNS:
        raise ValueError(f"a cycle record has no column {', '.join(sorted(unknown))}")
    columns = [property_element(column.id_short, row.get(column.id_short), column.xs_type) for column in RECORD_COLUMNS]
    return collection_element(id_short, columns, RECORD_SEMANTIC_ID)


@cache
def record_item() -> dict:
    """JSON of a record without idShort and values, to be filled (aasx.elements.values.with_value) and appended."""
    return record_element(None, {})


def _segment_facts(name: dict[str, str], records: Sequence[Record]) -> list[model.SubmodelElement]:
    """The optional facts of a segment; times are those of the first and last record."""
    facts = history_facts(records)
    return [
        multi_language("Name", name, f"{TIME_SERIES}/Segment/Name/1/1"),
        property_("RecordCount", "xs:long", facts["RecordCount"], RECORD_COUNT_SEMANTIC_ID),
        property_("StartTime", "xs:string", facts["StartTime"], f"{TIME_SERIES}/Segment/StartTime/1/1"),
        property_("EndTime", "xs:string", facts["EndTime"], f"{TIME_SERIES}/Segment/EndTime/1/1"),
        property_("LastUpdate", "xs:string", None, f"{TIME_SERIES}/Segment/LastUpdate/1/1"),
    ]


def _internal_segment(records: Sequence[Record]) -> model.SubmodelElementCollection:
    return collection(
        "InternalSegment",
        [
            *_segment_facts({"en": "Discharge cycles", "fr": "Cycles de décharge"}, records),
            JsonCollection(
                "Records",
                [record_element(record_id_short(row["id_cycle"]), row) for row in records],
                f"{TIME_SERIES}/Records/1/1",
            ),
        ],
        f"{TIME_SERIES}/Segments/InternalSegment/1/1",
    )


def _history_segment(
    cycles: Sequence[Record], table_path: Callable[[str], str] | None
) -> model.SubmodelElementCollection:
    first, last = (int(cycles[at]["id_cycle"]) for at in (0, -1))
    name = {"en": f"Older cycles, {first} to {last}", "fr": f"Cycles antérieurs, {first} à {last}"}
    id_short = history_table.id_short(first)
    path = table_path(table_path_of(id_short)) if table_path else None
    return collection(
        id_short,
        [*_segment_facts(name, cycles), file("Data", "text/csv", path, f"{TIME_SERIES}/File/1/1")],
        EXTERNAL_SEGMENT_SEMANTIC_ID,
    )


def _external_segment(id_short: str, name: dict[str, str], path: str | None) -> model.SubmodelElementCollection:
    """The template calls the file `File`; BaSyx's AAS web UI looks for `Data`, so it is `Data` here."""
    return collection(
        id_short,
        [
            multi_language("Name", name, f"{TIME_SERIES}/Segment/Name/1/1"),
            property_("LastUpdate", "xs:string", None, f"{TIME_SERIES}/Segment/LastUpdate/1/1"),
            file("Data", "text/csv", path, f"{TIME_SERIES}/File/1/1"),
        ],
        EXTERNAL_SEGMENT_SEMANTIC_ID,
    )


def service_state(live_state: Mapping[str, Any]) -> str:
    """Whether the cell is in service, out of the values of LiveState; it is where nothing known stands there."""
    return live_state.get("ServiceState") or IN_SERVICE


def _live_state(description: CellDescription, last: Record) -> model.SubmodelElementCollection:
    """The last cycle's values; Time (in the cycle) is its duration, LastUpdate has no value until something arrives."""
    known = {**last, "Battery": description.display_name, "Time": last.get("Duration"), "LastUpdate": None}
    known |= {"ServiceState": description.service_state}
    known |= {"Clock": None if last.get("Time") is None else BENCH}
    return collection(
        "LiveState", [own_property(name, known.get(name)) for name in LIVE_STATE], concept_id("LiveState")
    )


@cache
def rejected_item() -> dict:
    """JSON of an item of RejectedCycles without values: start by the clock of the cell, charge delivered, reason."""
    members = [own_property("Time", None, "CycleStartTime"), own_property("Capacity"), own_property("Reason")]
    return to_json(list_item(members, concept_id("RejectedCycle")))


@cache
def rejected_shape() -> Shape:
    """What the twin expects of RejectedCycles."""
    return replace(shape().part(REJECTED_CYCLES), every=shape_of(rejected_item(), choices()))


def running_file(id_short: str, content_type: str, value: str) -> dict:
    """JSON of a File of the running cycle."""
    kind = {"modelType": "File", "idShort": id_short, "contentType": content_type, "value": value}
    return kind | {"semanticId": external_reference(concept_id("RunningSamples"))}
