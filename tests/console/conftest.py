"""The console before all five services, each behind a port of its own, and a real browser before the console."""

from __future__ import annotations

import asyncio
import re
import secrets
import shutil
import socket
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import uvicorn
from fastapi import FastAPI
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

import console
from common.storage.migrate import migrate
from console.access import store, store_invitations
from console.access.roles import Role
from console.app import build_app
from console.main import MIGRATIONS, build_console
from console.settings import ConsoleSettings
from console.web.page import Console
from regulars.stack.mailsink import MailSink
from regulars.stack.ports import free_port
from regulars.testing import broker_in, empty_databases, migrated_databases

from ..conftest import OPERATORS_KEY, stack_on  # type: ignore[import-not-found]  # `tests` is no package

NOW = datetime(2025, 3, 4, 2, tzinfo=UTC)
"""Tuesday 10:00 in Shanghai, the shop's zone."""
SHOP = "teahouse"
CUSTOMERS = ("ann", "bea", "cleo")
PASSWORD = "correct horse battery staple"
SCRIPT = "<script>document.title='run'</script><b hx-get='/nowhere' hx-trigger='load'>{{7*7}}</b>"
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@asynccontextmanager
async def listening(app: FastAPI, port: int = 0) -> AsyncIterator[str]:
    """The app behind the port, or a free one; gives its address."""
    port = port or free_port()
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1))
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # it was another's a moment ago
        taken.bind(("127.0.0.1", port))
        task = asyncio.create_task(server._serve([taken]))
        while not server.started:
            await asyncio.sleep(0.02)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            await task


@dataclass
class Whole:
    """The console's address, its store, and the services behind it."""

    url: str
    console: Console
    stack: Any
    ports: dict[str, AsyncExitStack]
    addresses: dict[str, int]
    seen: int = 0
    """Audit entries of the tests before."""

    async def invitation(self, role: Role) -> str:
        token = secrets.token_urlsafe()
        async with self.console.database.transaction() as tx:
            await store_invitations.insert_invitation(tx, token, role, SHOP, 48)
        return f"{self.url}/invitation/{token}"

    async def session(self, role: Role, name: str) -> Any:
        """The cookie of a session of somebody new with the role, under that name."""
        token = secrets.token_urlsafe()
        async with self.console.database.transaction() as tx:
            person = await store.insert_person(tx, name, "no password fits this")
            assert person is not None, f"another test here has a {name}: choose another name"
            await store.save_role(tx, person, SHOP, role, agreed=True)
            await store.insert_session(tx, token, person, 1)
        return {"name": self.console.cookie("session"), "value": token, "url": self.url, "httpOnly": True}

    @asynccontextmanager
    async def without(self, service: str) -> AsyncIterator[None]:
        """Nobody listens at the service's address meanwhile."""
        await self.ports[service].aclose()
        yield
        await self.listen(service)

    @asynccontextmanager
    async def slow(self, service: str, seconds: float) -> AsyncIterator[None]:
        """The service takes its time meanwhile, and the console sends pages without what is late."""
        app, patience = self.stack.parts[service].app, self.console.services.budget_s

        async def slowly(scope: Any, receive: Any, send: Any) -> None:
            await asyncio.sleep(seconds)
            await app(scope, receive, send)

        await self.ports[service].aclose()
        await self.listen(service, slowly)
        self.console.services.budget_s = 0.6
        yield
        self.console.services.budget_s = patience
        await self.ports[service].aclose()
        await self.listen(service)

    async def listen(self, service: str, app: Any = None) -> None:
        """Answer at the service's address."""
        self.ports[service] = AsyncExitStack()
        app = app or self.stack.parts[service].app
        await self.ports[service].enter_async_context(listening(app, self.addresses[service]))

    async def entries(self) -> list[tuple[str, str, str]]:
        """Action, object and outcome of this test's audit entries, oldest first."""
        async with self.console.database.transaction() as tx:
            rows = await tx.fetch(
                "select action, object, outcome from audit where entry > :seen order by entry", seen=self.seen
            )
        return [tuple(row) for row in rows]


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def shared(stack_folder: Path, postgres: Any, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Whole]:
    """One stack for all tests here: each has customers of its own."""
    async with AsyncExitStack() as ending:
        patch = ending.enter_context(pytest.MonkeyPatch.context())
        broker = ending.enter_context(broker_in(stack_folder / f"kafka-{uuid.uuid4().hex[:8]}"))
        folder = tmp_path_factory.mktemp("mails")
        sink = await ending.enter_async_context(MailSink(folder / "mails.jsonl", refused={}))
        migrated = await ending.enter_async_context(migrated_databases(postgres))
        empty = await ending.enter_async_context(empty_databases(postgres))
        stack = await ending.enter_async_context(stack_on(broker, migrated, sink, patch))
        await stack.set_clock(NOW)
        stack.start_all()
        await _history(stack)
        url = await empty()
        await migrate(url, MIGRATIONS, common=False)
        for name in ("DATABASE_URL", "PUBLIC_URL", "MASTER_KEY"):
            patch.delenv(name, raising=False)
        addresses = {name: free_port() for name in stack.parts}
        port = free_port()
        named = {f"{name.replace('-', '_')}_url": f"http://127.0.0.1:{at}" for name, at in addresses.items()}
        given: dict[str, Any] = {**named, "budget_s": 20, "services_api_key": OPERATORS_KEY}
        settings = ConsoleSettings(
            database_url=url.replace("+asyncpg", ""),
            master_key=stack.parts["membership"].settings.master_key,
            public_url=f"http://127.0.0.1:{port}",
            plain_http=True,
            within_s=20,  # a loaded machine may take long; a service that is stopped refuses at once
            **given,
        )
        site_console = build_console(settings)
        ending.push_async_callback(site_console.database.close)
        ending.push_async_callback(site_console.services.close)
        ending.push_async_callback(site_console.freshness.close)
        site = await ending.enter_async_context(listening(build_app(site_console)))
        made = Whole(site, site_console, stack, {}, addresses)
        for name in addresses:
            await made.listen(name)
        patch.undo()  # the stack stands until the run is over, and other folders' tests come after it
        yield made
        for one in made.ports.values():
            await one.aclose()


@pytest_asyncio.fixture(loop_scope="package")
async def whole(shared: Whole) -> Whole:
    """The shared stack: Ann, Bea and Cleo have bought twice each and Ann has written a review.

    Those who signed up in the tests before bear other names by now: each test may call its people as it likes.
    """
    async with shared.console.database.transaction() as tx:
        await tx.execute(
            "update people set name = name || ' (before, ' || person_id || ')' where name not like '%(before, %'"
        )
        shared.seen = int(await tx.value("select coalesce(max(entry), 0) from audit"))
    return shared


async def _history(stack: Any) -> None:
    base = f"/v1/shops/{SHOP}"
    people = [
        {
            "id": name,
            "name": f"{name.title()} {SCRIPT}"[:190],
            "email": f"{name}@example.test",
            "phone": f"+861380013800{number}",
            "registered_at": (NOW - timedelta(days=40)).isoformat(),
            "consents": [{"channel": "email", "purpose": "marketing", "granted": True}],
        }
        for number, name in enumerate(CUSTOMERS)
    ]
    answer = await stack.call("orders-ingest", "POST", f"{base}/customers", json={"customers": people})
    assert answer.status_code == 202, answer.text
    for place, name in enumerate(CUSTOMERS):
        for number, days in ((1, 30), (2, 1)):
            order = {
                "id": f"order-{name}-{number}",
                "type": "order.completed",
                "subject": name,
                "time": (NOW - timedelta(days=days)).isoformat(),
                "data": {
                    "order_id": f"{10 + place}0{number}",
                    "state": "completed",
                    "currency": "CNY",
                    "goods_paid": 1_200_00,
                },
            }
            answer = await stack.call("orders-ingest", "POST", f"{base}/events", json=order)
            assert answer.status_code == 202, answer.text
    review = {"review_id": "r-1", "customer": "ann", "order_id": "1001", "stars": 5, "text": SCRIPT}
    await stack.settled()
    answer = await stack.call("feedback", "POST", f"{base}/reviews", json=review)
    assert answer.status_code == 202, answer.text
    await stack.settled()
    # Statistics of the months in between are made by the sweep, and orders that come after them wait for those.
    for service in ("segmentation", "messaging"):
        await stack.sweep(service)
        await stack.settled()


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def chromium() -> AsyncIterator[Browser]:
    """The distribution's browser, one for all tests here; where there is none, they are skipped with this sentence."""
    found = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no browser here: install the distribution's (apt-get install chromium fonts-wqy-microhei)")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        await browser.close()


AXE = (Path(console.__file__).parents[2] / "tests/vendor/axe-core-4.14.1/axe.min.js").read_text()
RUN_AXE = """
axe.run(document, {resultTypes: ["violations"],
                   runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]})
   .then(found => found.violations.map(one => [one.id, one.nodes.map(node => node.target.join(" "))]))
"""
LIKENESS = r"""
[innerWidth, matchMedia("(prefers-color-scheme: dark)").matches,
 document.documentElement.outerHTML.replace(/ value="[^"]*"/g, "").replace(/[0-9]+/g, "")
   .replace(/>\s*[^<\s][^<]*</g, ">x<")].join()
"""
"""What axe looks at: of pages that differ in texts, numbers and hidden values alone it looks at one."""
_SEEN: set[int] = set()
TOO_WIDE = "document.documentElement.scrollWidth > window.innerWidth"
CLIPPED = """
[...document.querySelectorAll(".figure, td, dd, dt, h1, h2, button, .badge")]
  .filter(one => one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).display !== "inline")
  .map(one => one.outerHTML.slice(0, 200))
"""
SMALL_TARGETS = """
[...document.querySelectorAll("button, input:not([type=hidden]), select, textarea")].filter(one => {
  const box = one.getBoundingClientRect();
  return box.width && (box.width < 24 || box.height < 24);
}).map(one => one.outerHTML.slice(0, 200))
"""


@dataclass
class Walk:
    """A page of the browser, and what went wrong on it."""

    page: Page
    url: str
    wrong: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Note errors, violations of the policy, and requests to others."""
        self.page.on("console", lambda said: self.wrong.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("request", lambda sent: self.wrong.append(sent.url) if not sent.url.startswith(self.url) else None)

    async def go(self, path: str) -> None:
        await self.page.goto(f"{self.url}{path}")
        await self.check()

    async def check(self) -> None:
        """What holds on every page."""
        await self.page.wait_for_load_state()
        if (likeness := hash(await self.page.evaluate(LIKENESS))) not in _SEEN:
            violations = await self.page.evaluate(f"{AXE};{RUN_AXE}")
            assert (self.page.url, violations) == (self.page.url, [])
            _SEEN.add(likeness)
        assert not await self.page.evaluate(TOO_WIDE), self.page.url
        for rule in (SMALL_TARGETS, CLIPPED):
            assert (self.page.url, await self.page.evaluate(rule)) == (self.page.url, [])
        assert self.wrong == []

    async def click(self, name: str, role: Any = "button") -> None:
        await self.page.get_by_role(role, name=name, exact=True).first.click()
        await self.page.wait_for_load_state()

    async def twice(self, name: str, leads_to: str) -> None:
        """Click a button twice, as impatient people do: the browser gives the first request up, and sends another.

        `leads_to`: the end of the address, with `*` for anything.
        """
        await self.page.get_by_role("button", name=name).dblclick()
        pattern = ".*/" + re.escape(leads_to).replace(r"\*", ".*") + "$"
        await expect(self.page).to_have_url(re.compile(pattern), timeout=60_000)
        await self.page.wait_for_load_state()

    async def enter(self, whole: Whole, role: Role, name: str) -> None:
        """A window in which somebody new is signed in, as if they had done so before: that is tested once."""
        await self.page.context.add_cookies([await whole.session(role, name)])

    async def sign_up(self, link: str, name: str) -> None:
        """Take up an invitation by keyboard alone."""
        await self.page.goto(link)
        await self.check()
        await self.page.locator("main [name=name]").focus()
        await self.page.keyboard.type(name)
        await self.page.keyboard.press("Tab")
        await self.page.keyboard.type(PASSWORD)
        await self.page.keyboard.press("Tab")
        await self.page.keyboard.press("Space")
        await self.page.keyboard.press("Enter")
        await self.page.wait_for_url("**/today")
        await self.check()


@asynccontextmanager
async def browsing(whole: Whole, chromium: Browser, **context: Any) -> AsyncIterator[tuple[Walk, BrowserContext]]:
    """A window of its own in a browser whose zone is not the shop's."""
    made = await chromium.new_context(timezone_id="America/New_York", reduced_motion="reduce", **context)
    walk = Walk(await made.new_page(), whole.url)
    walk.watch()
    yield walk, made
    await made.close()
