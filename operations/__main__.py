"""`python -m operations`: serves the delegate with waitress until it is told to stop (Ctrl-C or SIGTERM)."""

from __future__ import annotations

import argparse
import dataclasses
import gc
import logging
import select
import signal
import sys
import threading
from pathlib import Path

import waitress

from model.errors import ModelError
from model.serving.artifact import TwinModel
from operations import import_file
from operations.request import logs
from operations.request.settings import Settings
from operations.service.app import create_app
from operations.service.notifier import Notifier, receivers_of


def arguments(settings: Settings) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m operations", description="The operation delegate of the twin.")
    parser.add_argument(
        "--host", default="127.0.0.1", help="addresses to listen on, several with commas (default %(default)s)"
    )
    parser.add_argument("--port", type=int, default=5000, help="default %(default)s")
    parser.add_argument("--basyx-url", default=settings.basyx_url, help="AAS environment (default %(default)s)")
    parser.add_argument("--model-dir", type=Path, default=settings.model_dir, help="model (default %(default)s)")
    parser.add_argument("--threads", type=int, default=16, help="operations at a time (default %(default)s)")
    return parser.parse_args()


def main() -> int:
    try:
        settings = Settings.from_environment()
    except ValueError as error:
        print(f"operations: {error}", file=sys.stderr)
        return 2
    options = arguments(settings)
    logs.start()
    settings = dataclasses.replace(settings, basyx_url=options.basyx_url, model_dir=options.model_dir)
    hosts = options.host.lower().split(",")
    settings = dataclasses.replace(settings, http_names=(*settings.http_names, *hosts))
    notifier = None
    try:
        model = TwinModel.load(settings.model_dir)
        app = create_app(settings, model)
        if settings.receivers:
            live = app.extensions["twin"]
            receivers = receivers_of(settings.receivers)
            notifier = Notifier(live.client, receivers, live.metrics, settings.notify_language)
        server = waitress.create_server(
            app,
            listen=" ".join(f"[{host}]:{options.port}" if ":" in host else f"{host}:{options.port}" for host in hosts),
            threads=options.threads,
            max_request_body_size=2 * settings.max_body_bytes,  # the application's own limit answers better
            clear_untrusted_proxy_headers=False,  # operations.service.doors looks whose they are
            # whoever sends slowly, or not at all, takes no place from others
            channel_timeout=30,
            connection_limit=5000,
            asyncore_use_poll=hasattr(select, "poll"),
            ident=None,
        )
    except (ModelError, OSError, ValueError) as error:
        print(f"operations: {error}", file=sys.stderr)
        return 2
    _collect_seldom()
    signal.signal(signal.SIGTERM, _stop)
    threading.Thread(target=import_file.resume, args=(app.extensions["twin"],), name="resume", daemon=True).start()
    logs.say(logging.INFO, "serving", host=options.host, port=options.port, model=model.version)
    if notifier is not None:
        notifier.start()
        logs.say(logging.INFO, "alerts are told", receivers=len(settings.receivers))
    try:
        server.run()
    except (KeyboardInterrupt, SystemExit):
        pass
    finally:
        if notifier is not None:
            notifier.stop()
        server.close()
        logs.say(logging.INFO, "stopped")
    return 0


def _collect_seldom() -> None:
    """Garbage collection stops all operations; so seldom, and never over model and libraries (0.1 s), which stay."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)


def _stop(_signal: int, _frame: object) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
