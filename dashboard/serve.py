"""What `streamlit run` serves: the screen (app.py), behind a door that keeps pages of others out."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # `streamlit run` looks in the script's folder alone

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose
from streamlit.starlette import App

from aasx.doors import known_names, refusal

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "SAMEORIGIN",
    # Streamlit writes styles and its start script into the page and compiles WebAssembly; the rest comes from here.
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' ws: wss: data: blob:; "
        "worker-src 'self' blob:; frame-src 'self' data: blob:; frame-ancestors 'self'; base-uri 'self'; "
        "object-src 'none'"
    ),
}


class Door:
    """Refuses (403) what `aasx.doors` refuses, for pages and for the websocket, and hardens every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.names = known_names(os.environ.get("TWIN_HTTP_NAMES", ""), os.environ.get("TWIN_PUBLIC_URL", ""))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        reason = refusal(scope.get("method", "GET"), Headers(scope=scope), self.names)
        if reason and scope["type"] == "websocket":
            await WebSocketClose(1008, reason)(scope, receive, send)
        elif reason:
            await PlainTextResponse(f"{reason}\n", 403)(scope, receive, send)
        else:
            await self.app(scope, receive, self._hardened(send))

    @staticmethod
    def _hardened(send: Send) -> Send:
        async def hardened(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        return hardened


app = App(Path(__file__).with_name("app.py"), middleware=[Middleware(Door)])
