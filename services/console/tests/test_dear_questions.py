"""Questions that are dear to answer: a few at a time, with patience, against a server that takes its time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field, replace

import pytest
import pytest_asyncio
from starlette.requests import Request

from console import client
from console.client import BROWSER_WAITS_S, DEAR_ALL_S, DEAR_AT_ONCE, DEAR_WITHIN_S, Ask, Services

from .conftest import Site
from .viewers import viewer_of

ASKED = [Ask("segmentation", f"/{n}", dear=True) for n in range(6)]


@dataclass
class Slow:
    """A service that answers each question after `takes_s`, and those of the paths `never` once it is `over`.

    `most`: so many were asked of it at a time.
    """

    takes_s: float
    never: tuple[str, ...] = ()
    over: asyncio.Event = field(default_factory=asyncio.Event)
    now: int = 0
    most: int = 0
    asked: int = 0
    open: int = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One question on one connection."""
        self.open += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError):  # who asked has given up
            await self._answer(reader, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        self.open -= 1

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        self.now, self.asked = self.now + 1, self.asked + 1
        self.most = max(self.most, self.now)
        await (self.over.wait() if path in self.never else asyncio.sleep(self.takes_s))
        self.now -= 1
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")


@pytest_asyncio.fixture
async def slow() -> AsyncIterator[tuple[Slow, Services]]:
    made = Slow(0.2)
    server = await asyncio.start_server(made.answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    services = Services({"segmentation": f"http://127.0.0.1:{port}"}, "key", within_s=0.05, budget_s=0.05)
    yield made, services
    await services.close()
    server.close()
    made.over.set()
    # A handler that still waits would close its connection after the loop.
    while made.open:
        await asyncio.sleep(0.01)


async def test_they_wait_for_their_turn_and_longer_than_others(slow: tuple[Slow, Services]) -> None:
    """A large shop's figures are all there in the end, and orders never wait for more than a few of them."""
    service, services = slow
    assert [each.state for each in await services.ask(ASKED[0]._replace(dear=False))] == ["unavailable"]
    assert [each.state for each in await services.ask(*ASKED)] == ["ok"] * 6
    assert service.most <= DEAR_AT_ONCE + 1, "one more: that which was given up before"


async def test_what_is_late_with_its_turn_to_come_was_never_asked(slow: tuple[Slow, Services]) -> None:
    service, services = slow
    assert [each.state for each in await services.ask_soon(*ASKED)] == ["late"] * 6
    assert service.asked <= DEAR_AT_ONCE
    assert await services.ask_soon() == []


async def test_the_page_shows_what_has_come_before_the_browser_gives_up(
    slow: tuple[Slow, Services], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of figures that take too long together those that came are drawn, and the others are named."""
    service, services = slow
    service.never = ("/quick", "/4", "/5")
    monkeypatch.setattr(client, "DEAR_ALL_S", 3.0)
    quick = Ask("segmentation", "/quick")
    async with asyncio.timeout(DEAR_WITHIN_S - 5):  # or the last two would be given up each by itself
        states = [each.state for each in await services.ask(quick, *ASKED)]
    assert states[0] == "unavailable", "it has its own limit"
    assert states[1:] == ["ok"] * 4 + ["unavailable"] * 2
    assert DEAR_ALL_S < BROWSER_WAITS_S


async def test_key_figures_are_dear_whichever_page_asks_for_them(site: Site) -> None:
    """Today and paperwork ask for some, too; reports and lists are none."""
    viewer = await viewer_of(site, await site.signed_in("owner", "Ann"))
    dear = [viewer.of_shop(*each).dear for each in (("segmentation", "/kpis/service"), ("membership", "/report"))]
    assert dear == [True, False]
    assert viewer.of_shop("membership", "/report/customer-costs", days="90").dear


@pytest.mark.parametrize(
    ("method", "query", "state"), [("GET", b"", "late"), ("GET", b"wait=1", "ok"), ("POST", b"", "ok")]
)
async def test_a_page_that_answers_a_form_waits_for_its_parts(
    site: Site, slow: tuple[Slow, Services], method: str, query: bytes, state: str
) -> None:
    """The browser fills a page by asking for its address once more, which takes no GET where a form was sent to it."""
    viewer = await viewer_of(site, await site.signed_in("owner", "Ann"))
    scope = {"type": "http", "app": site.app, "headers": [], "method": method, "path": "/", "query_string": query}
    viewer.request, viewer.console = Request(scope), replace(site.console, services=slow[1])
    assert [each.state for each in await viewer.ask(ASKED[0])] == [state]
