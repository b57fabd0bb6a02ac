"""Figures of the feeder for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.messages = Counter(
            "twin_feed_messages",
            "Messages by what became of them on arrival: kept, again (sent again by the broker), unwanted (no cell "
            "has the topic any more), dropped (QoS 0, the spool was full) or unwritten (the disk failed; of QoS 1 it "
            "comes again)",
            ["broker", "outcome"],
            registry=self.registry,
        )
        self.unusable = Counter(
            "twin_feed_unusable", "Messages in which no value could be read", ["cell"], registry=self.registry
        )
        self.samples = Counter(
            "twin_feed_samples",
            "Samples by what AppendSamples made of them: taken, not_later, unusable or refused",
            ["cell", "outcome"],
            registry=self.registry,
        )
        self.calls = Counter(
            "twin_feed_calls",
            "Calls of AppendSamples by result: ok, refused or away",
            ["status"],
            registry=self.registry,
        )
        self.waiting = Gauge("twin_feed_waiting", "Messages that are not taken yet", ["cell"], registry=self.registry)
        self.spool_bytes = Gauge(
            "twin_feed_spool_bytes", "Payloads of QoS 0 that are not taken yet", registry=self.registry
        )
        self.connected = Gauge(
            "twin_feed_connected", "1 while the broker is connected", ["broker"], registry=self.registry
        )
        self.cells = Gauge("twin_feed_cells", "Cells with a feed by its status", ["status"], registry=self.registry)

    def forget(self, cell: str) -> None:
        """A cell that is fed no more takes no room here."""
        for family in (self.unusable, self.samples, self.waiting):
            for labels in [one for one in list(family._metrics) if one[0] == cell]:
                family.remove(*labels)

    def text(self) -> bytes:
        return generate_latest(self.registry)
