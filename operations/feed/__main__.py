"""`python -m operations.feed`: feeds live values from MQTT brokers until it is told to stop (Ctrl-C or SIGTERM)."""

from __future__ import annotations

import argparse
import dataclasses
import logging
import select
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import waitress

from aasx.client import AasClient
from aasx.doors import refusal
from operations.feed.feeder import Feeder
from operations.feed.metrics import Metrics
from operations.feed.settings import FeedSettings
from operations.feed.spool import Spool
from operations.request import logs

NO_BROKER = "no broker is configured: set TWIN_MQTT_BROKERS, as lab=mqtts://user:password@broker.example"

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def arguments(settings: FeedSettings) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m operations.feed",
        description="Feeds live values from MQTT brokers into the twin, through AppendSamples of the AAS.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address of health and metrics (default %(default)s)")
    parser.add_argument("--port", type=int, default=5200, help="default %(default)s")
    parser.add_argument("--basyx-url", default=settings.basyx_url, help="AAS environment (default %(default)s)")
    parser.add_argument("--folder", type=Path, default=settings.folder, help="waiting messages (default %(default)s)")
    return parser.parse_args()


def health_app(feeder: Feeder, names: tuple[str, ...]) -> Wsgi:
    """/health/live, /health/ready (brokers connected, AAS environment reachable), /metrics; open, as the delegate's."""

    def answer(path: str) -> tuple[str, str, bytes]:
        if path == "/health/live":
            return "200 OK", "text/plain", b"ok\n"
        if path == "/health/ready":
            return (
                ("200 OK", "text/plain", b"ok\n") if feeder.ready else ("503 Unavailable", "text/plain", b"not ready\n")
            )
        if path == "/metrics":
            return "200 OK", "text/plain; version=0.0.4; charset=utf-8", feeder.metrics.text()
        return "404 Not Found", "text/plain", b"health/live, health/ready and metrics are here\n"

    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        headers = {
            key[5:].replace("_", "-").lower(): value for key, value in environ.items() if key.startswith("HTTP_")
        }
        if reason := refusal(environ["REQUEST_METHOD"], headers, names):
            status, kind, body = "403 Forbidden", "text/plain", reason.encode("utf-8")
        else:
            status, kind, body = answer(environ["PATH_INFO"])
        start(
            status, [("Content-Type", kind), ("Content-Length", str(len(body))), ("X-Content-Type-Options", "nosniff")]
        )
        return [body]

    return app


def main() -> int:
    try:
        settings = FeedSettings.from_environment()
    except ValueError as error:
        print(f"operations.feed: {error}", file=sys.stderr)
        return 2
    options = arguments(settings)
    if not settings.brokers:
        print(f"operations.feed: {NO_BROKER}", file=sys.stderr)
        return 2
    settings = dataclasses.replace(settings, basyx_url=options.basyx_url, folder=options.folder)
    logs.start()
    try:
        spool = Spool(settings.folder, settings.spool_bytes)
        client = AasClient(settings.basyx_url, settings.aas_timeout_s)
        feeder = Feeder(client, settings.brokers, spool, Metrics())
        server = waitress.create_server(
            health_app(feeder, (*settings.http_names, options.host.lower())),
            host=options.host,
            port=options.port,
            threads=2,
            asyncore_use_poll=hasattr(select, "poll"),
            ident=None,
        )
    except (OSError, sqlite3.Error, ValueError) as error:
        print(f"operations.feed: {error}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, _stop)
    feeder.start()
    known = [f"{broker.name} ({broker.address})" for broker in settings.brokers]
    logs.say(logging.INFO, "feeding", host=options.host, port=options.port, brokers=known, folder=str(settings.folder))
    try:
        server.run()
    except (KeyboardInterrupt, SystemExit):
        pass
    finally:
        server.close()
        feeder.stop()
        logs.say(logging.INFO, "stopped")
    return 0


def _stop(_signal: int, _frame: object) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
