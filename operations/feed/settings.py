"""Settings of the feeder, each from an environment variable; the command line overrides some."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from aasx.doors import known_names
from operations.feed import brokers
from operations.feed.brokers import Broker
from operations.request.settings import http_url, megabytes, read_variable, seconds


@dataclass(frozen=True)
class FeedSettings:
    basyx_url: str = "http://127.0.0.1:8081"
    """TWIN_BASYX_URL: the AAS environment as the feeder reaches it."""
    brokers: tuple[Broker, ...] = ()
    """TWIN_MQTT_BROKERS and TWIN_MQTT_BROKERS_FILE, see operations.feed.brokers."""
    folder: Path = Path(".twin/feed")
    """TWIN_FEED_DIR: where messages lie until they are taken; two feeders must not share one."""
    spool_bytes: int = 64_000_000
    """TWIN_FEED_SPOOL_MB (in MB): payloads of QoS 0 that may wait; then the oldest go."""
    aas_timeout_s: float = 5.0
    """TWIN_AAS_TIMEOUT: without an answer of the AAS environment, to anything but AppendSamples."""
    http_names: tuple[str, ...] = ()
    """TWIN_HTTP_NAMES: names under which health and metrics are asked, beside IP addresses and localhost."""

    @classmethod
    def from_environment(cls) -> FeedSettings:
        """Raises ValueError with the name of the variable that cannot be read."""
        default = cls()
        return cls(
            basyx_url=read_variable("TWIN_BASYX_URL", http_url, default.basyx_url),
            brokers=brokers.from_environment(),
            folder=Path(os.environ.get("TWIN_FEED_DIR", default.folder)),
            spool_bytes=read_variable("TWIN_FEED_SPOOL_MB", megabytes, default.spool_bytes),
            aas_timeout_s=read_variable("TWIN_AAS_TIMEOUT", seconds, default.aas_timeout_s),
            http_names=read_variable("TWIN_HTTP_NAMES", known_names, default.http_names),
        )
