"""Submodel AssetInterfacesDescription: IDTA 02017-1-1, where live values come from; only of a cell with a feed.

    InterfaceMQTT.title                                   what the source is, for people
    InterfaceMQTT.EndpointMetadata.base                   which broker: mqtt://NAME of one that the feeder knows, or the
                                                          address of one; nobody dials an address that stands only here
    InterfaceMQTT.InteractionMetadata.properties.…        a property a quantity, idShort as in the vocabulary: unit,
                                                          JsonPointer (RFC 6901) into the payload, forms.href (topic),
                                                          forms.mqv_qos
    InterfaceMQTT.PositiveCurrent, StaleAfter             sign of the current; old after so long without a message
    FeedState                                             written by the feeder: how the feed goes

A property may also be an object whose `properties` are members of the payload, as the template has it; the pointer then
follows from their keys. `Feed` is the description in Python; `build` and `element` write it, `feed_of` reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from basyx.aas import model

from aasx.elements import values
from aasx.elements.build import (
    administration,
    collection,
    own_property,
    property_,
    reference,
    submodel,
    to_json,
)
from aasx.elements.shape import Shape, content_of, shape_of
from aasx.identifiers import concept_id, submodel_id
from aasx.vocabulary import choices, unit_of

AID, WOT = "https://admin-shell.io/idta/AssetInterfacesDescription", "https://www.w3.org/2019/wot"
ID_SHORT = "AssetInterfacesDescription"
SEMANTIC_ID = f"{AID}/1/1/Submodel"
TEMPLATE_ID = "https://admin-shell.io/idta-02017-1-1"
INTERFACE, FEED_STATE = "InterfaceMQTT", "FeedState"

QUANTITIES = (
    "Voltage_measured", "Current_measured", "Temperature_measured", "ambient_temperature", "Time", "id_cycle",
)  # fmt: skip
NEEDED = frozenset(QUANTITIES[:2])
UNITS: Mapping[str, tuple[str, ...]] = {
    "Voltage_measured": ("V", "mV"),
    "Current_measured": ("A", "mA"),
    "Temperature_measured": ("°C", "K", "°F"),
    "ambient_temperature": ("°C", "K", "°F"),
    "Time": ("s", "ms"),
    "id_cycle": ("1",),
}
"""What may stand as unit of a quantity, the first one where none does. A time that is a text (ISO 8601) needs none."""
DEFAULT_STALE_AFTER_S = 60.0
LONGEST_TOPIC_BYTES = 65_535
STATE = (
    "FeedStatus", "FeedError", "LastMessageAt", "SamplesAt", "MessagesReceived", "MessagesUnusable", "MessagesWaiting",
    "FeedSamplesTaken", "FeedSamplesNotTaken", "ReportedAt",
)  # fmt: skip
STATUSES = ("waiting", "receiving", "notAllowed", "brokerAway", "twinAway", "error")


PROBLEMS = {
    "noTopic": "{quantity} has no topic",
    "noBroker": "base names no broker",
    "timeApart": "Time comes in the messages of voltage and current, so its topic must be one of theirs",
    "topic": "{quantity}: {found!r} is no single topic (without + and #)",
    "pointer": "{quantity}: {found!r} is no JSON pointer; it begins with /",
    "unit": "{quantity}: unit {found!r} is none of {allowed}",
}


@dataclass(frozen=True)
class Problem:
    """What is wrong with a description; its text is English, others translate `code`."""

    code: str
    quantity: str = ""
    found: str = ""
    allowed: str = ""

    def __str__(self) -> str:
        return PROBLEMS[self.code].format(quantity=self.quantity, found=self.found[:80], allowed=self.allowed)


@dataclass(frozen=True)
class Source:
    """Where one quantity stands: the topic, the JSON pointer into its payload ("" for the whole), the unit."""

    topic: str
    pointer: str = ""
    unit: str = ""


@dataclass(frozen=True)
class Feed:
    base: str
    sources: Mapping[str, Source] = field(default_factory=dict)
    qos: int = 1
    positive_current: str | None = None
    stale_after_s: float = DEFAULT_STALE_AFTER_S
    title: str = "MQTT"

    def problems(self) -> list[Problem]:
        """Why nothing can be read by it; none for a description that can be used."""
        found = [Problem("noTopic", name) for name in QUANTITIES if name in NEEDED - self.sources.keys()]
        if not self.base:
            found.append(Problem("noBroker"))
        topics, time = {self.sources[name].topic for name in NEEDED & self.sources.keys()}, self.sources.get("Time")
        if time is not None and time.topic not in topics:
            found.append(Problem("timeApart", "Time", time.topic))
        for name, source in self.sources.items():
            size = len(source.topic.encode("utf-8", "replace"))
            if not source.topic or size > LONGEST_TOPIC_BYTES or set("+#\0") & set(source.topic):
                found.append(Problem("topic", name, source.topic))
            if source.pointer and not source.pointer.startswith("/"):
                found.append(Problem("pointer", name, source.pointer))
            if source.unit and source.unit not in UNITS[name]:
                found.append(Problem("unit", name, source.unit, ", ".join(UNITS[name])))
        return found


def build(cell: str, feed: Feed) -> model.Submodel:
    return submodel(
        submodel_id(cell, ID_SHORT),
        ID_SHORT,
        SEMANTIC_ID,
        [_interface(cell, feed), _state({})],
        administration("1", "1", TEMPLATE_ID),
        {"en": "Interface of live values", "fr": "Interface des valeurs en direct"},
        {
            "en": "Where the cell's live values come from (IDTA 02017-1-1): broker, topics, JSON pointers, units",
            "fr": "D'où viennent les valeurs en direct de la cellule (IDTA 02017-1-1) : broker, topics, pointeurs "
            "JSON, unités",
        },
    )


def element(cell: str, feed: Feed) -> dict[str, Any]:
    """JSON of the interface alone, to replace the one that is there."""
    return to_json(_interface(cell, feed))


def feed_of(interface: Any) -> Feed:
    """The description that stands in the JSON of an interface; whatever does not fit is left out.

    `Feed.problems` then says what lacks. Never fails on content.
    """
    content = content_of(interface) if isinstance(interface, dict) else None
    content = content if isinstance(content, dict) else {}
    endpoint, interaction = _part(content, "EndpointMetadata"), _part(content, "InteractionMetadata")
    sources: dict[str, Source] = {}
    qualities: list[str] = []
    for name, one in _part(interaction, "properties").items():
        if isinstance(one, dict):
            form = _part(one, "forms")
            qualities.append(_text(form, "mqv_qos"))
            _add_sources(sources, name, one, _text(form, "href"), _text(one, "JsonPointer"))
    try:
        stale_after_s = float(values.from_text(_text(content, "StaleAfter"), "xs:double"))
    except (ValueError, TypeError):
        stale_after_s = DEFAULT_STALE_AFTER_S
    positive = _text(content, "PositiveCurrent")
    return Feed(
        base=_text(endpoint, "base"),
        sources=sources,
        qos=0 if "0" in qualities else 1,
        positive_current=positive if positive in ("charge", "discharge") else None,
        stale_after_s=stale_after_s if 0 < stale_after_s < 1e7 else DEFAULT_STALE_AFTER_S,
        title=_text(content, "title"),
    )


def _add_sources(found: dict[str, Source], name: str, one: dict[str, Any], topic: str, pointer: str) -> None:
    if name in QUANTITIES and topic:
        found[name] = Source(topic, pointer, _text(one, "unit"))
    for member, part in _part(one, "properties").items():
        if isinstance(part, dict):
            key = _text(part, "key") or member
            _add_sources(found, member, part, topic, f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}")


def _part(content: Mapping[str, Any], name: str) -> dict[str, Any]:
    part = content.get(name)
    return part if isinstance(part, dict) else {}


def _text(content: Mapping[str, Any], name: str) -> str:
    value = content.get(name)
    return value if isinstance(value, str) else ""


def state_element(state: Mapping[str, Any]) -> dict[str, Any]:
    """JSON of FeedState with the values of `STATE` that are known."""
    return to_json(_state(state))


@cache
def state_shape() -> Shape:
    return shape_of(state_element({}), choices())


def _state(state: Mapping[str, Any]) -> model.SubmodelElementCollection:
    return collection(FEED_STATE, [own_property(name, state.get(name)) for name in STATE], concept_id(FEED_STATE))


def _interface(cell: str, feed: Feed) -> model.SubmodelElementCollection:
    return collection(
        INTERFACE,
        [
            property_("title", "xs:string", feed.title or "MQTT", f"{WOT}/td#title"),
            collection(
                "EndpointMetadata",
                [
                    property_("base", "xs:anyURI", feed.base, f"{WOT}/td#baseURI"),
                    property_("contentType", "xs:string", "application/json", f"{WOT}/hypermedia#forContentType"),
                    _security(cell),
                    collection(
                        "securityDefinitions",
                        [
                            collection(
                                "nosec_sc",
                                [property_("scheme", "xs:string", "nosec", f"{WOT}/security#SecurityScheme")],
                                f"{WOT}/security#NoSecurityScheme",
                            )
                        ],
                        f"{WOT}/td#definesSecurityScheme",
                    ),
                ],
                f"{AID}/1/0/EndpointMetadata",
            ),
            collection(
                "InteractionMetadata",
                [
                    collection(
                        "properties",
                        [
                            _quantity(cell, name, feed.sources[name], feed.qos)
                            for name in QUANTITIES
                            if name in feed.sources
                        ],
                        f"{WOT}/td#PropertyAffordance",
                    )
                ],
                f"{AID}/1/0/InteractionMetadata",
                supplemental=(f"{WOT}/td#InteractionAffordance",),
            ),
            own_property("PositiveCurrent", feed.positive_current),
            own_property("StaleAfter", feed.stale_after_s),
        ],
        f"{AID}/1/0/Interface",
        supplemental=("http://www.w3.org/2011/mqtt", f"{WOT}/td"),
    )


def _quantity(cell: str, name: str, source: Source, qos: int) -> model.SubmodelElementCollection:
    is_text = name == "Time" and not source.unit
    unit = source.unit or ("" if is_text else unit_of(name) or "1")
    return collection(
        name,
        [
            property_(
                "type",
                "xs:string",
                "string" if is_text else "float",
                "https://www.w3.org/1999/02/22-rdf-syntax-ns#type",
            ),
            property_("observable", "xs:boolean", True, f"{WOT}/td#isObservable"),
            property_("unit", "xs:string", unit or None, "https://schema.org/unitCode"),
            own_property("JsonPointer", source.pointer or None),
            collection(
                "forms",
                [
                    property_("href", "xs:string", source.topic, f"{WOT}/hypermedia#hasTarget"),
                    property_("contentType", "xs:string", "application/json", f"{WOT}/hypermedia#forContentType"),
                    _security(cell),
                    property_("mqv_controlPacket", "xs:string", "subscribe", f"{WOT}/mqtt#ControlPacket"),
                    property_("mqv_qos", "xs:string", str(qos), f"{WOT}/mqtt#hasQoSFlag"),
                ],
                f"{WOT}/td#hasForm",
            ),
        ],
        f"{AID}/1/0/PropertyDefinition",
        supplemental=(f"{WOT}/td#name",),
    )


def _security(cell: str) -> model.SubmodelElementList:
    """Names the scheme "none": user and password of a broker are the feeder's own and never stand in the AAS."""
    kinds = model.KeyTypes.SUBMODEL_ELEMENT_COLLECTION
    path = (INTERFACE, "EndpointMetadata", "securityDefinitions", "nosec_sc")
    keys = (model.Key(model.KeyTypes.SUBMODEL, submodel_id(cell, ID_SHORT)), *(model.Key(kinds, name) for name in path))
    scheme = f"{WOT}/td#hasSecurityConfiguration"
    return model.SubmodelElementList(
        "security",
        model.ReferenceElement,
        [
            model.ReferenceElement(
                None,
                model.ModelReference(keys, model.SubmodelElementCollection),
                display_name=model.MultiLanguageNameType({"en": "No security", "fr": "Aucune sécurité"}),
            )
        ],
        semantic_id=reference(scheme),
        semantic_id_list_element=reference(scheme),
    )
