"""The connection to one broker: kept by paho-mqtt, which dials again by itself; subscriptions as they are wanted.

The session is a lasting one (clean_session false, one client id a folder): what is published at QoS 1 while the feeder
is away waits at the broker, and what the feeder has not acknowledged comes again.
"""

from __future__ import annotations

import logging
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from paho.mqtt import client as mqtt

from operations.feed.brokers import Broker
from operations.request.logs import say

KEEP_ALIVE_s = 30
FIRST_WAIT_s, LONGEST_WAIT_s = 1, 30

OnMessage = Callable[[Broker, mqtt.MQTTMessage, bool], bool]


def why_not(broker: Broker, error: BaseException | None) -> str:
    """Why there is no connection, and what a person can do."""
    place = f"{broker.name} ({broker.address})"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate of {place} is not trusted: {error.verify_message}; name its authority with ?ca=FILE"
    if isinstance(error, ssl.SSLError):
        return f"no TLS with {place}: {error.reason or error}; is it the port for mqtts?"
    if isinstance(error, socket.gaierror):
        return f"nobody knows the name of {place}"
    return f"nobody answers at {place}"


class Session:
    """`on_message` gets the message and whether its number is one that this connection has not shown yet; it returns
    False when the message could not be kept, so that it must come again."""

    def __init__(self, broker: Broker, client_id: str, on_message: OnMessage, on_new: Callable[[str], None]) -> None:
        self.broker = broker
        self.connected = False
        self.error: str | None = "not connected yet"
        self.refused: dict[str, str] = {}
        self._wanted: dict[str, int] = {}
        self._subscribing: dict[int, str] = {}
        self._unacknowledged: set[int] = set()
        self._lost_at: float | None = None
        self._lock = threading.Lock()
        self._take, self._on_new = on_message, on_new
        self._client = self._made(client_id)

    def _made(self, client_id: str) -> mqtt.Client:
        made = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id, clean_session=False, manual_ack=True)
        if self.broker.user is not None:
            made.username_pw_set(self.broker.user, self.broker.password)
        if self.broker.tls:
            made.tls_set(self.broker.ca, self.broker.cert, self.broker.key, cert_reqs=ssl.CERT_REQUIRED)
        made.reconnect_delay_set(FIRST_WAIT_s, LONGEST_WAIT_s)
        made.on_connect, made.on_disconnect = self._on_connect, self._on_disconnect
        made.on_connect_fail, made.on_subscribe, made.on_message = self._on_fail, self._on_subscribe, self._on_message
        return made

    def start(self) -> None:
        self._client.connect_async(self.broker.host, self.broker.port, KEEP_ALIVE_s)
        self._client.loop_start()

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self.connected = False

    @property
    def unacknowledged(self) -> int:
        return len(self._unacknowledged)

    def acknowledge(self, mid: int) -> None:
        """Of this connection; what came over an earlier one comes again first."""
        with self._lock:
            if mid in self._unacknowledged and self.connected:
                self._unacknowledged.discard(mid)
                self._client.ack(mid, 1)

    def want(self, topics: Mapping[str, int]) -> None:
        """The topics that are to be subscribed to, with their QoS; the others are left."""
        with self._lock:
            before, self._wanted = self._wanted, dict(topics)
        if self.connected:
            self._subscribe({topic: qos for topic, qos in topics.items() if before.get(topic) != qos})
            for topic in before.keys() - topics.keys():
                self.leave(topic)

    def leave(self, topic: str) -> None:
        self.refused.pop(topic, None)
        self._client.unsubscribe(topic)

    def look_after(self) -> None:
        """A message that could not be kept comes again over a new connection."""
        if self._lost_at is not None and time.monotonic() - self._lost_at > LONGEST_WAIT_s:
            self._lost_at = None
            self._client.disconnect()
            self._client.loop_stop()
            self.start()

    def _subscribe(self, topics: Mapping[str, int]) -> None:
        for topic, qos in topics.items():
            _, mid = self._client.subscribe(topic, qos)
            if mid is not None:
                self._subscribing[mid] = topic

    # --- called by paho's thread

    def _on_connect(self, _client: Any, _data: Any, flags: Any, code: Any, _properties: Any) -> None:
        if code.is_failure:
            self.error = f"{self.broker.name} refuses the connection: {code}"
            return
        with self._lock:
            self._unacknowledged.clear()
            self.connected, self.error = True, None
            self.refused, wanted = {}, dict(self._wanted)
        if not flags.session_present:
            self._on_new(self.broker.name)
        say(logging.INFO, "connected", broker=self.broker.name, session=bool(flags.session_present))
        self._subscribe(wanted)

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        was, self.connected = self.connected, False
        if was or self.error is None:
            self.error = f"{self.broker.name} is away: {code}"
        say(logging.WARNING, "disconnected", broker=self.broker.name, reason=str(code))

    def _on_fail(self, _client: Any, _data: Any) -> None:
        self.error = why_not(self.broker, sys.exception())  # paho calls this while it handles what went wrong

    def _on_subscribe(self, _client: Any, _data: Any, mid: int, codes: Any, _properties: Any) -> None:
        topic = self._subscribing.pop(mid, None)
        if topic is not None and any(code.is_failure for code in codes):
            self.refused[topic] = f"{self.broker.name} refuses the subscription to {topic[:100]}"
            say(logging.WARNING, "a subscription is refused", broker=self.broker.name, topic=topic[:100])

    def _on_message(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        new_number = False
        if message.qos:
            with self._lock:
                new_number = message.mid not in self._unacknowledged
                self._unacknowledged.add(message.mid)
        try:
            kept = self._take(self.broker, message, new_number)
        except Exception as error:  # whatever comes, the connection goes on
            say(logging.ERROR, "a message could not be kept", exc_info=error, broker=self.broker.name)
            kept = False
        if not kept and self._lost_at is None:
            self._lost_at = time.monotonic()
