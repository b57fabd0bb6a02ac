"""Whom a service in front of the AAS answers: the rule that delegate and HMI share (the environment has it in Java).

A web page in the operator's browser reaches what the operator reaches. So a request is refused whose Host is a name
that the service is not known by (DNS rebinding), whose Origin is another one, or which the browser says to come from
another site (Sec-Fetch-Site, W3C Fetch Metadata Request Headers; following a link to a page is allowed). A request with
none of these headers, as of scripts and AAS clients, passes.
"""

import ipaddress
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

FOREIGN_PAGE = "pages of other sites may not call this service"


def refusal(method: str, headers: Mapping[str, str], names: Collection[str]) -> str | None:
    """Why a request is refused, or None. `headers` by names in lower case; `names` as of `known_names`."""
    host, origin = headers.get("host", ""), headers.get("origin")
    name = host_name(host)
    if host and not is_known(name, names):
        return f"this service is not known as {name[:100]}; add the name to TWIN_HTTP_NAMES"
    if origin is not None and _authority(origin) != host.lower():
        return FOREIGN_PAGE
    link = (method, headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")) == ("GET", "navigate", "document")
    if headers.get("sec-fetch-site", "").lower() == "cross-site" and not link:
        return FOREIGN_PAGE
    return None


def known_names(text: str, public_url: str = "") -> tuple[str, ...]:
    """The names of a comma separated list (TWIN_HTTP_NAMES) and that of TWIN_PUBLIC_URL, in lower case."""
    names = [part.strip().lower() for part in text.split(",")]
    return tuple(name for name in (*names, host_name(urlsplit(public_url).netloc)) if name)


def is_known(name: str, names: Collection[str]) -> bool:
    """IP addresses and localhost are known always: no foreign name can be made to lead there."""
    if name == "localhost" or name in names:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def host_name(host: str) -> str:
    """Host without its port, in lower case; an IPv6 address without brackets."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return host.lower()


def _authority(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""
