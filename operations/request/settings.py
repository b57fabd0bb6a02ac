"""Settings of the delegate, each from an environment variable; the command line overrides some."""

from __future__ import annotations

import ipaddress
import math
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from aasx.doors import known_names

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LOOPBACK = "127.0.0.0/8,::1/128"
LONGEST_S = 86_400.0


@dataclass(frozen=True)
class Settings:
    basyx_url: str = "http://127.0.0.1:8081"
    """TWIN_BASYX_URL: the AAS environment as the delegate reaches it."""
    model_dir: Path = Path(".twin/model")
    """TWIN_MODEL_DIR: folder of the trained model."""
    token: str | None = None
    """TWIN_TOKEN: when set, the direct REST wants it as `Authorization: Bearer <token>`."""
    delegation_from: tuple[Network, ...] = field(default_factory=lambda: networks(LOOPBACK))
    """TWIN_DELEGATION_FROM: networks that a BaSyx calls from which cannot send the secret."""
    delegation_secret: str | None = None
    """TWIN_DELEGATION_SECRET, or what the file TWIN_DELEGATION_SECRET_FILE holds: the twin's own AAS environment sends
    it with each call under /delegation/; with it set, nobody else may call there."""
    http_names: tuple[str, ...] = ()
    """TWIN_HTTP_NAMES, and that of TWIN_PUBLIC_URL: names under which the service is asked, beside IP addresses and
    localhost."""
    proxies: tuple[Network, ...] = ()
    """TWIN_PROXIES: addresses of reverse proxies, who are believed whom they ask for and below which path."""
    rate_limit: str = "100 per second"
    """TWIN_RATE_LIMIT: of one address on the direct REST; BaSyx's own calls are not counted."""
    max_body_bytes: int = 4_000_000
    """TWIN_MAX_BODY_BYTES: largest request; the raw samples of one cycle take some 100 kB."""
    aas_timeout_s: float = 5.0
    """TWIN_AAS_TIMEOUT: without an answer of the AAS environment; one that trickles may take three times as long."""
    operation_timeout_s: float = 15.0
    """TWIN_OPERATION_TIMEOUT: for one operation; no request to the AAS environment starts after it."""
    receivers: tuple[str, ...] = field(default=(), repr=False)
    """TWIN_NOTIFY: who is told of alerts, as URLs of apprise, those of the file too. They hold passwords."""
    notify_file: Path | None = None
    """TWIN_NOTIFY_FILE: a file with receivers, one a line."""
    notify_language: str = "en"
    """TWIN_NOTIFY_LANGUAGE: en or fr."""
    history_max_age_s: float = 60.0
    """TWIN_HISTORY_MAX_AGE: how long a history may be reused before it is read again as a whole."""

    memory_bytes: int = 256_000_000
    """TWIN_MEMORY_MB (in MB): what histories and predictions remembered for reuse may take, about."""

    @classmethod
    def from_environment(cls) -> Settings:
        """Raises ValueError with the name of the variable that cannot be read."""
        default = cls()
        return cls(
            basyx_url=read_variable("TWIN_BASYX_URL", http_url, default.basyx_url),
            model_dir=Path(os.environ.get("TWIN_MODEL_DIR", default.model_dir)),
            token=read_variable("TWIN_TOKEN", token, default.token),
            delegation_from=read_variable("TWIN_DELEGATION_FROM", networks, default.delegation_from),
            delegation_secret=read_variable("TWIN_DELEGATION_SECRET", token, None)
            or read_variable("TWIN_DELEGATION_SECRET_FILE", secret_file, None),
            http_names=known_names(
                os.environ.get("TWIN_HTTP_NAMES", ""), read_variable("TWIN_PUBLIC_URL", _url_or_none, "") or ""
            ),
            proxies=read_variable("TWIN_PROXIES", networks, default.proxies),
            rate_limit=read_variable("TWIN_RATE_LIMIT", rate_limit, default.rate_limit),
            max_body_bytes=read_variable("TWIN_MAX_BODY_BYTES", whole_number, default.max_body_bytes),
            aas_timeout_s=read_variable("TWIN_AAS_TIMEOUT", seconds, default.aas_timeout_s),
            operation_timeout_s=read_variable("TWIN_OPERATION_TIMEOUT", seconds, default.operation_timeout_s),
            receivers=notification_urls(),
            notify_file=Path(path) if (path := os.environ.get("TWIN_NOTIFY_FILE")) else None,
            notify_language=read_variable("TWIN_NOTIFY_LANGUAGE", language, default.notify_language),
            history_max_age_s=read_variable("TWIN_HISTORY_MAX_AGE", seconds_or_none, default.history_max_age_s),
            memory_bytes=read_variable("TWIN_MEMORY_MB", megabytes, default.memory_bytes),
        )


def notification_urls() -> tuple[str, ...]:
    """Those of TWIN_NOTIFY, separated by blanks, and of the file TWIN_NOTIFY_FILE, one a line; # begins a remark.

    Raises ValueError when the file cannot be read. Whether apprise knows them is looked at when the notifier starts.
    """
    found = os.environ.get("TWIN_NOTIFY", "").split()
    if path := os.environ.get("TWIN_NOTIFY_FILE"):
        try:
            lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"TWIN_NOTIFY_FILE {path} cannot be read: {error}") from None
        found += [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
    return tuple(dict.fromkeys(found))


def language(text: str) -> str:
    if text not in ("en", "fr"):
        raise ValueError(f"{text!r} is neither en nor fr")
    return text


def networks(text: str) -> tuple[Network, ...]:
    """Comma separated networks, e.g. "127.0.0.0/8,172.16.0.0/12". Raises ValueError."""
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())


def token(text: str) -> str | None:
    """Raises ValueError for one that no header can carry, so that no call could ever match it; None when empty."""
    if text and not re.fullmatch(r"[\x21-\x7e]+", text):
        raise ValueError("must be of visible ASCII characters, without blanks: no request could send another one")
    return text or None


def secret_file(path: str) -> str | None:
    try:
        return token(Path(path).read_text(encoding="utf-8").strip()) if path else None
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error


def http_url(text: str) -> str:
    """Raises ValueError unless it is an address of an HTTP server, without question or fragment."""
    try:
        url = urlsplit(text)
        wrong = url.scheme not in ("http", "https") or not url.hostname or url.port == 0 or url.query or url.fragment
    except ValueError:  # brackets, port
        wrong = True
    if wrong or re.search(r"\s", text):
        raise ValueError(f"{text!r} is no URL, such as http://127.0.0.1:8081")
    return text


def _url_or_none(text: str) -> str:
    return http_url(text) if text else ""


def rate_limit(text: str) -> str:
    """One or several limits in the notation of Flask-Limiter, which takes what it cannot read for no limit."""
    one = r"\s*[1-9]\d*\s*(/|per)\s*([1-9]\d*\s*)?(second|minute|hour|day|month|year)s?\s*"
    if not re.fullmatch(rf"{one}([,;|]{one})*", text, re.IGNORECASE):
        raise ValueError(f'{text!r} is no limit, such as "100 per second" or "50/minute; 1000/hour"')
    return text


def whole_number(text: str) -> int:
    if not (text.strip().isascii() and text.strip().isdigit() and int(text) > 0):
        raise ValueError(f"{text!r} is no whole number above 0")
    return int(text)


def seconds(text: str) -> float:
    value = seconds_or_none(text)
    if value == 0:
        raise ValueError("0 s is no time to wait")
    return value


def seconds_or_none(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= LONGEST_S:
        raise ValueError(f"{text!r} is no number of seconds (up to {LONGEST_S:.0f})")
    return value


def megabytes(text: str) -> int:
    """Bytes. Raises ValueError."""
    number = whole_number(text)
    if number > 1_000_000:
        raise ValueError(f"{text!r} is no number of megabytes up to 1000000")
    return 1_000_000 * number


def read_variable(name, convert, default):
    """What an environment variable says, else `default`. Raises ValueError that names the variable."""
    text = os.environ.get(name)
    if text is None:
        return default
    try:
        return convert(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
