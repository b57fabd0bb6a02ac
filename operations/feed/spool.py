"""What came and is not yet taken, on disk: one SQLite file in the feeder's folder. Thread-safe.

A message is written here before anything else happens to it, so a feeder that is killed goes on where it was. QoS 1
messages stand here beside the broker's own copy, for the time at which they came and for telling a message that is
delivered again; they are bounded by what the broker sends without an acknowledgement. QoS 0 messages stand here alone,
`most_bytes` of them; then the oldest go, and are counted.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from operations.feed.assembly import Held, Message

FILE = "feed.sqlite"
KEPT_DONE = 2_000
"""Messages of QoS 1 that are done, kept to know them when a broker that did not hear of it sends them again."""
FREED_SHARE = 0.1
"""Of the bound, freed at a time."""

SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = OFF;
CREATE TABLE IF NOT EXISTS message (
  id INTEGER PRIMARY KEY AUTOINCREMENT, cell TEXT NOT NULL, broker TEXT NOT NULL, topic TEXT NOT NULL,
  payload BLOB NOT NULL, received_s REAL NOT NULL, retained INTEGER NOT NULL, qos INTEGER NOT NULL,
  mid INTEGER, done INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS of_cell ON message (cell, done, id);
CREATE INDEX IF NOT EXISTS of_mid ON message (broker, mid) WHERE mid IS NOT NULL;
CREATE TABLE IF NOT EXISTS held (cell TEXT PRIMARY KEY, content TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, content TEXT NOT NULL);
"""


@dataclass(frozen=True)
class Acknowledgement:
    """A message of QoS 1 that every cell has taken: the broker may forget it."""

    broker: str
    mid: int


class Spool:
    def __init__(self, folder: Path, most_bytes: int) -> None:
        """Raises OSError or sqlite3.Error when the folder cannot be written, or holds something else."""
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._db = sqlite3.connect(folder / FILE, check_same_thread=False, isolation_level=None, timeout=10)
        self._db.executescript(SCHEMA)
        self.most_bytes = most_bytes
        self.bytes = int(self._one("SELECT coalesce(sum(length(payload)), 0) FROM message WHERE qos = 0 AND done = 0"))
        self.client_id = self._fact("client_id") or self._new_client_id()

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _one(self, sql: str, *values: object) -> Any:
        row = self._db.execute(sql, values).fetchone()
        return row[0] if row else None

    def _fact(self, name: str) -> str | None:
        found = self._one("SELECT content FROM fact WHERE name = ?", name)
        return None if found is None else str(found)

    def _new_client_id(self) -> str:
        """Stays with the folder: a broker keeps what came meanwhile for the client of this name."""
        name = f"twin-feed-{secrets.token_hex(5)}"
        self._db.execute("INSERT INTO fact VALUES ('client_id', ?)", (name,))
        return name

    # --- what comes

    def add(
        self,
        cells: Sequence[str],
        broker: str,
        topic: str,
        payload: bytes,
        received_s: float,
        retained: bool,
        qos: int,
        mid: int | None,
    ) -> int:
        """Writes a message for each of `cells`. Returns how many older ones had to go for it."""
        row = (broker, topic, payload, received_s, retained, qos, mid if qos else None)
        with self._lock, self._db:
            self._db.execute("BEGIN")
            self._db.executemany(
                "INSERT INTO message (cell, broker, topic, payload, received_s, retained, qos, mid) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [(cell, *row) for cell in cells],
            )
            if qos:
                return 0
            self.bytes += len(payload) * len(cells)
            return self._free() if self.bytes > self.most_bytes else 0

    def _free(self) -> int:
        """The oldest messages of QoS 0 go until there is room again."""
        room, gone = self.most_bytes * (1 - FREED_SHARE), []
        rows = self._db.execute("SELECT id, length(payload) FROM message WHERE qos = 0 AND done = 0 ORDER BY id")
        for id_, size in rows:
            if self.bytes <= room:
                break
            gone.append((id_,))
            self.bytes -= size
        rows.close()
        self._db.executemany("DELETE FROM message WHERE id = ?", gone)
        return len(gone)

    def known(self, broker: str, topic: str, payload: bytes, mid: int) -> str | None:
        """ "waiting" or "done" for a message of QoS 1 that came before under this number; None for a new one."""
        with self._lock:
            rows = self._db.execute(
                "SELECT done FROM message WHERE broker = ? AND mid = ? AND topic = ? AND payload = ?",
                (broker, mid, topic, payload),
            ).fetchall()
        if not rows:
            return None
        return "done" if all(done for (done,) in rows) else "waiting"

    def new_session(self, broker: str) -> None:
        """The broker has forgotten what it had sent: its numbers mean nothing any more."""
        with self._lock, self._db:
            self._db.execute("UPDATE message SET mid = NULL WHERE broker = ?", (broker,))

    # --- what is taken

    def waiting(self) -> dict[str, tuple[int, float]]:
        """Cell -> how many messages wait and when the first of them came."""
        with self._lock:
            rows = self._db.execute("SELECT cell, count(*), min(received_s) FROM message WHERE done = 0 GROUP BY cell")
            return {cell: (count, first_s) for cell, count, first_s in rows}

    def messages(self, cell: str, most: int) -> list[Message]:
        """The first ones of a cell, in the order in which they came."""
        with self._lock:
            rows = self._db.execute(
                "SELECT id, topic, payload, received_s, retained FROM message WHERE cell = ? AND done = 0 "
                "ORDER BY id LIMIT ?",
                (cell, most),
            ).fetchall()
        return [Message(id_, topic, payload, at_s, bool(retained)) for id_, topic, payload, at_s, retained in rows]

    def held(self, cell: str) -> Held:
        with self._lock:
            content = self._one("SELECT content FROM held WHERE cell = ?", cell)
        return {} if content is None else {name: tuple(one) for name, one in json.loads(str(content)).items()}

    def done(self, cell: str, ids: Iterable[int], held: Held | None = None) -> list[Acknowledgement]:
        """The messages are dealt with, and `held` holds from here on. Returns what the brokers may be told."""
        found: list[Acknowledgement] = []
        with self._lock, self._db:
            self._db.execute("BEGIN")
            for id_ in ids:
                row = self._db.execute(
                    "SELECT broker, mid, qos, length(payload), done FROM message WHERE id = ?", (id_,)
                ).fetchone()
                if row is None or row[4]:
                    continue
                broker, mid, qos, size, _ = row
                if not qos:
                    self.bytes -= size
                if mid is None:
                    self._db.execute("DELETE FROM message WHERE id = ?", (id_,))
                    continue
                self._db.execute("UPDATE message SET done = 1 WHERE id = ?", (id_,))
                if not self._one("SELECT 1 FROM message WHERE broker = ? AND mid = ? AND done = 0", broker, mid):
                    found.append(Acknowledgement(broker, mid))
            if held is not None:
                self._db.execute("INSERT OR REPLACE INTO held VALUES (?, ?)", (cell, json.dumps(held)))
            self._db.execute(
                "DELETE FROM message WHERE done = 1 AND id < (SELECT max(id) FROM message) - ?", (KEPT_DONE,)
            )
        return found

    def drop(self, cell: str) -> tuple[int, list[Acknowledgement]]:
        """Whatever waits for a cell that is fed no more. Returns how many messages, and what brokers may be told."""
        with self._lock:
            ids = [row[0] for row in self._db.execute("SELECT id FROM message WHERE cell = ? AND done = 0", (cell,))]
            acknowledged = self.done(cell, ids)
            self._db.execute("DELETE FROM held WHERE cell = ?", (cell,))
        return len(ids), acknowledged

    def count(self, cell: str) -> tuple[int, float]:
        """How many messages wait for a cell and when the first of them came."""
        with self._lock:
            row = self._db.execute(
                "SELECT count(*), coalesce(min(received_s), 0) FROM message WHERE cell = ? AND done = 0", (cell,)
            ).fetchone()
        return int(row[0]), float(row[1])

    # --- the descriptions that were known last

    def interfaces(self) -> dict[str, dict[str, Any]]:
        with self._lock:
            content = self._fact("interfaces")
        return json.loads(content) if content else {}  # type: ignore[no-any-return]

    def put_interfaces(self, interfaces: Mapping[str, dict[str, Any]]) -> None:
        with self._lock:
            self._db.execute("INSERT OR REPLACE INTO fact VALUES ('interfaces', ?)", (json.dumps(interfaces),))
