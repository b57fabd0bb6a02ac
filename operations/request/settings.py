"""Settings of the delegate, each from an environment variable; the command line overrides some."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, field
from pathlib import Path

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LOOPBACK = "127.0.0.0/8,::1/128"


@dataclass(frozen=True)
class Settings:
    basyx_url: str = "http://127.0.0.1:8081"
    """TWIN_BASYX_URL: the AAS environment as the delegate reaches it."""
    model_dir: Path = Path(".twin/model")
    """TWIN_MODEL_DIR: folder of the trained model."""
    token: str | None = None
    """TWIN_TOKEN: when set, the direct REST wants it as `Authorization: Bearer <token>`."""
    delegation_from: tuple[Network, ...] = field(default_factory=lambda: networks(LOOPBACK))
    """TWIN_DELEGATION_FROM: networks BaSyx calls from. BaSyx can send no token, so with a token set the paths under
    /delegation/ are open to these only; without a token they are open to whoever reaches the port."""
    rate_limit: str = "100 per second"
    """TWIN_RATE_LIMIT: of one address on the direct REST; BaSyx's own calls are not counted."""
    max_body_bytes: int = 4_000_000
    """TWIN_MAX_BODY_BYTES: largest request; the raw samples of one cycle take some 100 kB."""
    aas_timeout_s: float = 5.0
    """TWIN_AAS_TIMEOUT: without an answer of the AAS environment; one that trickles may take three times as long."""
    operation_timeout_s: float = 15.0
    """TWIN_OPERATION_TIMEOUT: for one operation; no request to the AAS environment starts after it."""
    history_max_age_s: float = 60.0
    """TWIN_HISTORY_MAX_AGE: how long a history may be reused before it is read again as a whole."""

    @classmethod
    def from_environment(cls) -> Settings:
        """Raises ValueError with the name of the variable that cannot be read."""
        default = cls()
        return cls(
            basyx_url=os.environ.get("TWIN_BASYX_URL", default.basyx_url),
            model_dir=Path(os.environ.get("TWIN_MODEL_DIR", default.model_dir)),
            token=os.environ.get("TWIN_TOKEN") or None,
            delegation_from=_read("TWIN_DELEGATION_FROM", networks, default.delegation_from),
            rate_limit=os.environ.get("TWIN_RATE_LIMIT", default.rate_limit),
            max_body_bytes=_read("TWIN_MAX_BODY_BYTES", int, default.max_body_bytes),
            aas_timeout_s=_read("TWIN_AAS_TIMEOUT", float, default.aas_timeout_s),
            operation_timeout_s=_read("TWIN_OPERATION_TIMEOUT", float, default.operation_timeout_s),
            history_max_age_s=_read("TWIN_HISTORY_MAX_AGE", float, default.history_max_age_s),
        )


def networks(text: str) -> tuple[Network, ...]:
    """Comma separated networks, e.g. "127.0.0.0/8,172.16.0.0/12". Raises ValueError."""
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())


def _read(name, convert, default):
    text = os.environ.get(name)
    if text is None:
        return default
    try:
        return convert(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
