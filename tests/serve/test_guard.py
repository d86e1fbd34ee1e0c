"""Who may see the page."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from asm_hybrid.serve.guard import Guard

Headers = dict[str, str]
HOST = {"host": "127.0.0.1:8000"}


async def inside(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start" if scope["type"] == "http" else "websocket.accept", "status": 200})


def asked(guard: Guard, headers: Headers, query: str = "", kind: str = "http", path: str = "/plant") -> list[Any]:
    """Return what the guard answers."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    lines = [(key.encode(), value.encode()) for key, value in headers.items()]
    scope = {"type": kind, "path": path, "query_string": query.encode(), "headers": lines}
    asyncio.run(guard(scope, None, send))
    return sent


@pytest.fixture
def guard() -> Guard:
    return Guard(inside, 8000)


def test_the_address_with_the_token_opens_the_page_and_a_cookie_keeps_it_open(guard: Guard) -> None:
    assert guard.address.startswith("http://127.0.0.1:8000/?token=")
    answer, _ = asked(guard, HOST, f"of=a&token={guard.token}&x=1", path="/plant")
    headers = dict(answer["headers"])
    assert answer["status"] == 303
    assert headers[b"location"] == b"/plant?of=a&x=1"  # the token stays in no address
    cookie = headers[b"set-cookie"].decode()
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    entered = {**HOST, "cookie": cookie.partition(";")[0]}
    assert asked(guard, entered)[0]["status"] == 200
    assert asked(guard, {**entered, "host": "localhost:8000"})[0]["status"] == 200
    assert (
        asked(guard, {**entered, "origin": "http://127.0.0.1:8000"}, kind="websocket")[0]["type"] == "websocket.accept"
    )


@pytest.mark.parametrize("query", ["", "token=", "token=wrong", "token=%C3%A9"])
def test_without_the_token_it_says_why(guard: Guard, query: str) -> None:
    start, body = asked(guard, {**HOST, "cookie": "asm_hybrid_8000=wrong; other=1"}, query)
    assert start["status"] == 403
    assert b"Open the whole address" in body["body"]
    assert asked(guard, HOST, query, kind="websocket") == [{"type": "websocket.close", "code": 1008}]


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example:8000"},
        {"host": "127.0.0.1:9000"},
        {},
        {**HOST, "origin": "http://evil.example"},
        {**HOST, "origin": "null"},
        {**HOST, "origin": "https://127.0.0.1:8000"},
    ],
)
def test_other_hosts_and_pages_of_other_sites_are_refused(guard: Guard, headers: Headers) -> None:
    entered = {**headers, "cookie": f"{guard.cookie}={guard.token}"}
    for query in ("", f"token={guard.token}"):
        assert asked(guard, entered, query)[0]["status"] == 403
    assert asked(guard, entered, kind="websocket")[0]["type"] == "websocket.close"
