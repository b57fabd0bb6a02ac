"""Who may come in: no page of others (`aasx.doors`), the environment by its secret, wrong tokens only slowly."""

from __future__ import annotations

import hmac
import ipaddress
import logging
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from flask import Flask, Response, request
from werkzeug.exceptions import Forbidden, HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from aasx.doors import refusal
from operations.request.logs import say
from operations.request.settings import Network, Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

SECRET_HEADER = "X-Twin-Delegation"
WRONG_TOKENS = "10 per minute"
"""Of one address; then it is answered 429, with the right token too, until the minute is over."""

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    # Swagger UI has its set-up in the page itself; everything it loads comes from here.
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    ),
}


class Unauthorized(HTTPException):
    code = 401
    description = "the token is missing or wrong: send Authorization: Bearer <token>"


def add_guard(app: Flask, settings: Settings) -> None:
    app.wsgi_app = NamedProxies(app.wsgi_app, settings.proxies)  # type: ignore[method-assign]

    @app.before_request
    def refuse() -> None:
        headers = {name.lower(): value for name, value in request.headers}
        if reason := refusal(request.method, headers, settings.http_names):
            raise Forbidden(reason)

    @app.after_request
    def harden(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    if not settings.delegation_secret:
        say(
            logging.WARNING, "no TWIN_DELEGATION_SECRET: /delegation is open to whoever calls from these networks, a "
            "reverse proxy on this machine included", networks=",".join(map(str, settings.delegation_from)),
        )  # fmt: skip


class NamedProxies:
    """WSGI: client address, scheme and path prefix as a reverse proxy tells them, if it calls from a named network.

    The proxy nearest to the delegate counts: what stands before its own word was said by others.
    """

    def __init__(self, app: WSGIApplication, proxies: Collection[Network]) -> None:
        self.app, self.proxies = app, proxies
        self.told = ProxyFix(app, x_for=1, x_proto=1, x_host=0, x_port=0, x_prefix=1)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        named = _is_in(environ.get("REMOTE_ADDR", ""), self.proxies)
        return (self.told if named else self.app)(environ, start_response)


def is_environment(settings: Settings) -> bool:
    """True when the call comes from the AAS environment: by its secret, or, where there is none, by its network."""
    if settings.delegation_secret:
        given = request.headers.get(SECRET_HEADER, "")
        return hmac.compare_digest(given.encode("utf-8"), settings.delegation_secret.encode("utf-8"))
    return _is_in(request.remote_addr or "", settings.delegation_from)


def _is_in(address: str, networks: Collection[Network]) -> bool:
    try:
        caller = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(caller in network for network in networks if network.version == caller.version)


def has_token(token: str) -> bool:
    given = request.headers.get("Authorization", "")
    return hmac.compare_digest(given.encode("utf-8"), f"Bearer {token}".encode())
