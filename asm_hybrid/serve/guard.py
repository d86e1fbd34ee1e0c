"""Who may see the page: this machine, by the address that holds the token, and no page of another site."""

from __future__ import annotations

import html
import secrets
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlencode

__all__ = ["HOST", "Guard"]

HOST = "127.0.0.1"
"""The address of this machine that no other machine can reach."""

LEFT = "No response returned."
"""What Starlette raises where the browser has gone on to another page before it was answered."""

Application = Callable[[Any, Any, Any], Awaitable[None]]

WITHOUT = (
    "This page belongs to asm-hybrid serve, and your browser has not shown its token. "
    "Open the whole address that the program printed in the terminal: it ends in token= and a code."
)
ELSEWHERE = "This page answers only to its own address on this machine, and this request came by another one."


@dataclass(frozen=True)
class Guard:
    """Let requests pass that come from this machine's own address and show the token.

    A request passes when its ``Host`` is 127.0.0.1 or localhost with the port (so that no name of another site that
    is made to point here is served), its ``Origin``, where it has one, is the same (so that no page of another site
    opens a connection), and its cookie holds the token. An address with the token sets the cookie.

    Attributes
    ----------
    application : callable
        What answers then, as ASGI has it.
    port : int
        The port.
    token : str
        The token.
    """

    application: Application
    port: int
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)

    @property
    def address(self) -> str:
        """The address that opens the page."""
        return f"http://{HOST}:{self.port}/?token={self.token}"

    @property
    def cookie(self) -> str:
        """Name of the cookie; browsers do not tell ports apart."""
        return f"asm_hybrid_{self.port}"

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request or connection."""
        if scope["type"] not in ("http", "websocket"):
            await self.application(scope, receive, send)
            return
        headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in scope["headers"]}
        hosts = {f"{name}:{self.port}" for name in (HOST, "localhost")}
        origin = headers.get("origin")
        if headers.get("host") not in hosts or (origin is not None and origin.removeprefix("http://") not in hosts):
            await _refuse(scope, send, ELSEWHERE)
            return
        asked = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        if scope["type"] == "http" and any(key == "token" and self._is_token(value) for key, value in asked):
            rest = urlencode([(key, value) for key, value in asked if key != "token"])
            await self._enter(scope["path"] + (f"?{rest}" if rest else ""), send)
        elif self._is_token(_cookies(headers.get("cookie", "")).get(self.cookie, "")):
            try:
                await self.application(scope, receive, send)
            except RuntimeError as error:
                if str(error) != LEFT:
                    raise
        else:
            await _refuse(scope, send, WITHOUT)

    def _is_token(self, given: str) -> bool:
        return secrets.compare_digest(given.encode(), self.token.encode())

    async def _enter(self, target: str, send: Any) -> None:
        """Set the cookie, and go to the same address without the token."""
        cookie = f"{self.cookie}={self.token}; Path=/; HttpOnly; SameSite=Lax"
        await _answer(send, 303, b"", [("location", "/" + target.lstrip("/")), ("set-cookie", cookie)])


def _cookies(text: str) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(text).items()}
    except CookieError:
        return {}


async def _refuse(scope: Any, send: Any, why: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>asm-hybrid: not opened</title></head>'
        f'<body style="font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem">'
        f"<main><h1>Not opened</h1><p>{html.escape(why)}</p></main></body></html>"
    )
    await _answer(send, 403, page.encode(), [("content-type", "text/html; charset=utf-8")])


async def _answer(send: Any, status: int, body: bytes, headers: Iterable[tuple[str, str]]) -> None:
    lines = [*headers, ("cache-control", "no-store"), ("content-length", str(len(body)))]
    raw = [(key.encode("latin-1"), value.encode("latin-1")) for key, value in lines]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
