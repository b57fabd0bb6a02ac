"""Figures for Prometheus, in a registry of their own for each application."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20)


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.operations = Counter(
            "twin_operations",
            "Operations by result; caller is basyx or direct",
            ["operation", "caller", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "twin_operation_seconds", "Duration of operations", ["operation"], buckets=SECONDS, registry=self.registry
        )
        self.running = Gauge("twin_operations_running", "Operations under way", registry=self.registry)
        self.history_reads = Counter(
            "twin_history_reads", "Histories by how they were had: reused or read", ["how"], registry=self.registry
        )
        self.changed = Counter(
            "twin_operations_repeated", "Operations run again, since another delegate was first", registry=self.registry
        )
        self.repairs = Counter(
            "twin_repairs", "Cells whose interrupted writes were completed", ["part"], registry=self.registry
        )
        self.notifications = Counter(
            "twin_notifications",
            "Notifications of alerts by receiver (a key, not its address) and result: sent, failed or dropped",
            ["receiver", "result"],
            registry=self.registry,
        )
        self.notifications_waiting = Gauge(
            "twin_notifications_waiting", "Notifications in the outbox when it was last read", registry=self.registry
        )
        self.samples = Counter(
            "twin_samples",
            "Raw samples by what became of them: taken, not_later (sent again, doubled, backwards) or unusable",
            ["outcome"],
            registry=self.registry,
        )
        self.alerts = Counter("twin_alerts_raised", "Alerts raised", ["indicator", "severity"], registry=self.registry)

    def text(self) -> bytes:
        return generate_latest(self.registry)
