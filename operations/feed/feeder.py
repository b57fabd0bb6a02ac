"""The feeder: brokers -> spool -> AppendSamples, for every cell whose AAS says where its values come from.

Three kinds of threads: paho's write what comes into the spool; `deliver` takes it from there, cell by cell; `follow`
reads the descriptions in the AAS again and again, and writes there how each feed goes. None waits for another: while
the twin is away messages are kept, while a broker is away the others go on.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from paho.mqtt.client import MQTTMessage

from aasx.client import AasClient, AasError, NotFound
from aasx.identifiers import cell_of, submodel_id
from aasx.submodels import asset_interfaces
from aasx.submodels.asset_interfaces import FEED_STATE, INTERFACE, Feed, feed_of
from operations.feed.assembly import Assembled, Message, assemble
from operations.feed.brokers import Broker, allowed
from operations.feed.delivery import Away, Delivery, Outcome
from operations.feed.metrics import Metrics
from operations.feed.payload import utc_text
from operations.feed.session import Session
from operations.feed.spool import Acknowledgement, Spool
from operations.request.logs import say

TICK_s = 0.1
LINGER_s = 1.0
"""So long a message waits for others before AppendSamples is called, unless `ENOUGH` wait."""
ENOUGH = 500
UNACKNOWLEDGED_ENOUGH = 8
"""A broker sends some 20 messages of QoS 1 ahead (mosquitto's max_inflight_messages); then it waits."""
MOST_MESSAGES = 1_000
"""Of one call."""
AT_ONCE = 4
FIRST_WAIT_s, LONGEST_WAIT_s = 1.0, 30.0
FOLLOW_s, DISCOVER_s = 3.0, 10.0
REPORT_s, STILL_THERE_s = 5.0, 30.0
"""The state is written when it has changed, but not more often; and now and then, to show that the feeder lives."""
GONE_s = 60.0
"""A description that is away for longer is gone, and with it what waits for its cell."""
LONGEST_ERROR = 500


@dataclass
class Fed:
    """One cell with a feed, as it goes."""

    cell: str
    interface: dict[str, Any]
    feed: Feed
    broker: Broker | None
    problem: str | None = None
    received: int = 0
    unusable: int = 0
    taken: int = 0
    not_taken: int = 0
    last_message_s: float | None = None
    samples_s: float | None = None
    error: str | None = None
    away: str | None = None
    waiting: int = 0
    first_s: float = 0.0
    busy: bool = False
    next_at: float = 0.0
    failures: int = 0
    gone_since: float | None = None
    reported: dict[str, Any] = field(default_factory=dict)
    reported_at: float = 0.0


class Feeder:
    def __init__(
        self,
        client: AasClient,
        brokers: Sequence[Broker],
        spool: Spool,
        metrics: Metrics,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._client, self._brokers, self._spool, self.metrics, self._now = client, brokers, spool, metrics, now
        self._fed: dict[str, Fed] = {}
        self._lock = threading.RLock()
        self._routes: dict[tuple[str, str], list[str]] = {}
        self._delivery = Delivery(client, lambda status: metrics.calls.labels(status).inc())
        self._sessions = {
            one.name: Session(one, spool.client_id, self._on_message, spool.new_session) for one in brokers
        }
        self._stopping = threading.Event()
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="deliver")
        self._threads = [
            threading.Thread(target=self._run, args=(work, every_s), name=name, daemon=True)
            for name, work, every_s in (("follow", self._follow_round, FOLLOW_s), ("dispatch", self._dispatch, TICK_s))
        ]
        self._discovered_at = -DISCOVER_s
        self._started = False
        self.follows = False
        """Whether the descriptions could be read when it was last tried."""

    # --- life

    def start(self) -> None:
        """With the descriptions that were known last, so that messages are kept even while the AAS is away."""
        for cell, interface in self._spool.interfaces().items():
            self._take_description(cell, interface)
        waiting = self._spool.waiting()
        for cell, (count, first_s) in waiting.items():
            if (fed := self._fed.get(cell)) is not None:
                fed.waiting, fed.first_s = count, first_s
        self._route()
        if self._fed:
            self._start_sessions()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """What is under way is finished; what waits stays in the spool and at the brokers."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(2)
        self._pool.shutdown(wait=True, cancel_futures=True)
        for session in self._sessions.values():
            session.stop()
        self._spool.close()

    def _start_sessions(self) -> None:
        """Not before it is known what is wanted: what comes for nobody is not kept."""
        if not self._started:
            self._started = True
            for session in self._sessions.values():
                session.start()

    def _run(self, work: Callable[[], None], every_s: float) -> None:
        while not self._stopping.is_set():
            try:
                work()
            except AasError as error:
                say(logging.DEBUG, f"the AAS environment is away: {error}")
            except Exception as error:  # whatever goes wrong in a round, the next one comes
                say(logging.ERROR, "a round of the feeder failed", exc_info=error)
            self._stopping.wait(every_s)

    @property
    def ready(self) -> bool:
        return self.follows and all(session.connected for session in self._sessions.values())

    # --- what comes

    def _on_message(self, broker: Broker, message: MQTTMessage, new_number: bool) -> bool:
        now_s = self._now()
        outcomes = self.metrics.messages
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        payload, mid = bytes(message.payload), message.mid
        if message.qos and new_number:
            known = self._spool.known(broker.name, topic, payload, mid)
            if known == "waiting" or (known == "done" and message.dup):
                outcomes.labels(broker.name, "again").inc()
                if known == "done":
                    self._acknowledge([Acknowledgement(broker.name, mid)])
                return True
        with self._lock:
            cells = list(self._routes.get((broker.name, topic), ()))
        if not cells:
            outcomes.labels(broker.name, "unwanted").inc()
            if message.qos:
                self._acknowledge([Acknowledgement(broker.name, mid)])
            if topic:
                self._sessions[broker.name].leave(topic)
            return True
        try:
            dropped = self._spool.add(cells, broker.name, topic, payload, now_s, bool(message.retain), message.qos, mid)
        except sqlite3.Error as error:
            outcomes.labels(broker.name, "unwritten").inc()
            say(logging.ERROR, f"a message cannot be written: {error}", broker=broker.name)
            return not message.qos
        outcomes.labels(broker.name, "kept").inc()
        with self._lock:
            for cell in cells:
                fed = self._fed[cell]
                fed.received += 1
                fed.last_message_s = now_s
                if not fed.waiting:
                    fed.first_s = now_s
                fed.waiting += 1
        if dropped:
            outcomes.labels(broker.name, "dropped").inc(dropped)
            say(logging.WARNING, "the spool is full: the oldest messages go", messages=dropped)
            self._recount()
        return True

    def _recount(self) -> None:
        waiting = self._spool.waiting()
        with self._lock:
            for cell, fed in self._fed.items():
                fed.waiting, fed.first_s = waiting.get(cell, (0, 0.0))

    def _acknowledge(self, which: Sequence[Acknowledgement]) -> None:
        for one in which:
            if (session := self._sessions.get(one.broker)) is not None:
                session.acknowledge(one.mid)

    # --- what goes

    def _dispatch(self) -> None:
        now = time.monotonic()
        with self._lock:
            due = [fed for fed in self._fed.values() if self._is_due(fed, now)]
            for fed in due:
                fed.busy = True
        for fed in due:
            self._pool.submit(self._deliver, fed)

    def _is_due(self, fed: Fed, now: float) -> bool:
        if fed.busy or not fed.waiting or fed.problem is not None or now < fed.next_at:
            return False
        if fed.waiting >= ENOUGH or not 0 <= self._now() - fed.first_s <= LINGER_s:
            return True
        session = self._sessions.get(fed.broker.name) if fed.broker else None
        return session is not None and session.unacknowledged >= UNACKNOWLEDGED_ENOUGH

    def _deliver(self, fed: Fed) -> None:
        try:
            self._deliver_batch(fed)
            fed.failures, fed.away = 0, None
        except Away as error:
            fed.failures += 1
            fed.away = str(error)
            wait_s = min(LONGEST_WAIT_s, FIRST_WAIT_s * 2 ** min(fed.failures - 1, 10))
            fed.next_at = time.monotonic() + wait_s
            say(logging.WARNING, f"samples are kept, nobody takes them: {error}", cell=fed.cell, again_in_s=wait_s)
        except Exception as error:
            fed.next_at = time.monotonic() + LONGEST_WAIT_s
            fed.error = f"the feeder failed: {type(error).__name__}"
            say(logging.ERROR, "samples could not be delivered", exc_info=error, cell=fed.cell)
        finally:
            fed.busy = False

    def _deliver_batch(self, fed: Fed) -> None:
        messages = self._spool.messages(fed.cell, MOST_MESSAGES)
        found = one_clock(fed.feed, self._spool.held(fed.cell), messages, self._now())
        outcome = self._delivery.send(fed.cell, fed.feed, found.samples) if found.samples else Outcome()
        ids = [*found.done, *(id_ for sample in found.samples for id_ in sample.ids)]
        if ids or messages:
            self._acknowledge(self._spool.done(fed.cell, ids, found.held))
        self._count(fed, found, outcome)
        with self._lock:
            fed.waiting, fed.first_s = self._spool.count(fed.cell)
        if found.open:
            fed.next_at = time.monotonic() + 3 * TICK_s

    def _count(self, fed: Fed, found: Assembled, outcome: Outcome) -> None:
        fed.unusable += found.unusable
        fed.taken += outcome.taken
        fed.not_taken += outcome.not_later + outcome.unusable + outcome.refused
        if found.unusable:
            self.metrics.unusable.labels(fed.cell).inc(found.unusable)
        for name in ("taken", "not_later", "unusable", "refused"):
            if number := getattr(outcome, name):
                self.metrics.samples.labels(fed.cell, name).inc(number)
        told = outcome.reasons or [problem for problem, _ in found.problems.most_common(1)]
        if outcome.taken:
            fed.samples_s = self._now()
        if told and (outcome.refused or found.unusable or not outcome.taken):
            if fed.error != told[0][:LONGEST_ERROR]:
                say(logging.WARNING, f"messages were not taken: {told[0]}", cell=fed.cell)
            fed.error = told[0][:LONGEST_ERROR]
        elif outcome.taken:
            fed.error = None
        elif outcome.not_later:
            fed.error = "samples were not later than the last one: sent again, or a clock that went back"

    # --- what the AAS says

    def _follow_round(self) -> None:
        try:
            self.follow()
            self.follows = True
        except AasError:
            self.follows = False
            raise
        finally:
            for session in self._sessions.values():
                session.look_after()
            self._measure()
        self._report()

    def follow(self) -> None:
        """Reads the descriptions that have changed; now and then which cells have one."""
        now = time.monotonic()
        cells = set(self._fed)
        if now - self._discovered_at >= DISCOVER_s:
            cells = self._discover()
            self._discovered_at = now
        changed = False
        for cell in sorted(cells | set(self._fed)):
            try:
                interface = self._client.element(submodel_id(cell, asset_interfaces.ID_SHORT), INTERFACE)
            except NotFound:
                changed |= self._is_gone(cell, now)
                continue
            fed = self._fed.get(cell)
            if fed is None or fed.interface != interface:
                self._take_description(cell, interface)
                changed = True
            elif fed.gone_since is not None:
                fed.gone_since = None
        if changed:
            self._spool.put_interfaces({cell: fed.interface for cell, fed in self._fed.items()})
            self._route()
        self._start_sessions()

    def _discover(self) -> set[str]:
        found = set()
        for shell in self._client.shells():
            cell = cell_of(shell["id"])
            references = (shell.get("submodels") or []) if cell else []
            if cell and any(
                one["keys"][-1]["value"] == submodel_id(cell, asset_interfaces.ID_SHORT) for one in references
            ):
                found.add(cell)
        return found

    def _is_gone(self, cell: str, now: float) -> bool:
        fed = self._fed.get(cell)
        if fed is None:
            return False
        if fed.gone_since is None:
            fed.gone_since = now
        if now - fed.gone_since < GONE_s:
            return False
        with self._lock:
            del self._fed[cell]
        count, acknowledged = self._spool.drop(cell)
        self._acknowledge(acknowledged)
        self.metrics.forget(cell)
        say(logging.INFO, "a feed is gone", cell=cell, messages_given_up=count)
        return True

    def _take_description(self, cell: str, interface: dict[str, Any]) -> None:
        feed = feed_of(interface)
        broker, problem = allowed(feed.base, self._brokers), None
        if broker is None:
            known = ", ".join(f"{one.name} ({one.address})" for one in self._brokers)
            problem = f"{feed.base[:200] or 'no broker'} is none of the brokers that the feeder may dial: {known}"
        elif problems := feed.problems():
            problem = "; ".join(map(str, problems))
        with self._lock:
            fed = self._fed.get(cell)
            if fed is None:
                self._fed[cell] = Fed(cell, interface, feed, broker, problem)
            else:
                fed.interface, fed.feed, fed.broker, fed.problem = interface, feed, broker, problem
                fed.error, fed.gone_since = None, None
        say(logging.INFO, "a feed is described", cell=cell, broker=broker.name if broker else None, problem=problem)

    def _route(self) -> None:
        routes: dict[tuple[str, str], list[str]] = {}
        topics: dict[str, dict[str, int]] = {name: {} for name in self._sessions}
        with self._lock:
            for cell, fed in self._fed.items():
                if fed.broker is None or fed.problem is not None:
                    continue
                for topic in {source.topic for source in fed.feed.sources.values()}:
                    routes.setdefault((fed.broker.name, topic), []).append(cell)
                    of_broker = topics[fed.broker.name]
                    of_broker[topic] = max(of_broker.get(topic, 0), fed.feed.qos)
            self._routes = routes
        for name, session in self._sessions.items():
            session.want(topics[name])

    # --- what is told

    def status(self, fed: Fed) -> tuple[str, str | None]:
        if fed.broker is None:
            return "notAllowed", fed.problem
        if fed.problem is not None:
            return "error", fed.problem
        session = self._sessions[fed.broker.name]
        if not session.connected:
            return "brokerAway", session.error
        topics = {source.topic for source in fed.feed.sources.values()}
        for topic, text in list(session.refused.items()):
            if topic in topics:
                return "error", text
        if fed.away is not None:
            return "twinAway", fed.away[:LONGEST_ERROR]
        if fed.error is not None:
            return "error", fed.error
        return ("receiving", None) if fed.last_message_s is not None else ("waiting", None)

    def _report(self) -> None:
        now = time.monotonic()
        for fed in list(self._fed.values()):
            status, error = self.status(fed)
            state: dict[str, Any] = {
                "FeedStatus": status,
                "FeedError": error,
                "LastMessageAt": None if fed.last_message_s is None else utc_text(fed.last_message_s),
                "SamplesAt": None if fed.samples_s is None else utc_text(fed.samples_s),
                "MessagesReceived": fed.received,
                "MessagesUnusable": fed.unusable,
                "MessagesWaiting": fed.waiting,
                "FeedSamplesTaken": fed.taken,
                "FeedSamplesNotTaken": fed.not_taken,
            }
            due_s = REPORT_s if state != fed.reported else STILL_THERE_s
            if fed.gone_since is None and (not fed.reported or now - fed.reported_at >= due_s):
                self._put_state(fed.cell, state | {"ReportedAt": utc_text(self._now())})
                fed.reported, fed.reported_at = state, now

    def _put_state(self, cell: str, state: Mapping[str, Any]) -> None:
        id_, element = submodel_id(cell, asset_interfaces.ID_SHORT), asset_interfaces.state_element(state)
        try:
            self._client.put_element(id_, FEED_STATE, element)
        except NotFound:
            self._client.append_element(id_, None, element)

    def _measure(self) -> None:
        self.metrics.spool_bytes.set(self._spool.bytes)
        for name, session in self._sessions.items():
            self.metrics.connected.labels(name).set(session.connected)
        counts = dict.fromkeys(asset_interfaces.STATUSES, 0)
        for fed in list(self._fed.values()):
            counts[self.status(fed)[0]] += 1
            self.metrics.waiting.labels(fed.cell).set(fed.waiting)
        for status, count in counts.items():
            self.metrics.cells.labels(status).set(count)


def one_clock(feed: Feed, held: Any, messages: Sequence[Message], now_s: float) -> Assembled:
    """As `assemble`, of the first messages only where later ones go by another clock: a call takes one kind."""
    found = assemble(feed, held, messages, now_s)
    other = next((one for one in found.samples if one.moment.is_utc != found.samples[0].moment.is_utc), None)
    if other is None:
        return found
    first = min(other.ids)
    return assemble(feed, held, [message for message in messages if message.id < first], float("inf"))
