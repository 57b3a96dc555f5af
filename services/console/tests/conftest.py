"""What the console's tests share: its app on a database of its own, with services that do not answer, and browsers."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from html import unescape
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from common.storage.migrate import migrate
from console.access import store_invitations
from console.access.roles import Role
from console.app import build_app
from console.main import MIGRATIONS, build_console
from console.settings import ConsoleSettings
from console.web.page import Console
from regulars.testing import EmptyDatabase

MASTER_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
HOST = "https://console.shop.example"
NOBODY = "http://127.0.0.1:9"
PASSWORD = "correct horse battery staple"
_TOKEN = re.compile(r'name="token" value="([0-9a-f]+)"')
_FORM = re.compile(r'name="form" value="([^"]+)"')


def settings(url: str, **more: Any) -> ConsoleSettings:
    """Of a console whose services are all down."""
    given: dict[str, Any] = {
        "database_url": url.replace("+asyncpg", ""),
        "master_key": MASTER_KEY,
        "services_api_key": "a-key-of-the-console-for-tests",
        "public_url": HOST,
        "budget_s": 20,  # a loaded machine may be late to say that nobody listens
        **{f"{name}_url": NOBODY for name in ("orders_ingest", "membership", "segmentation", "messaging", "feedback")},
    }
    return ConsoleSettings(**(given | more))


@dataclass
class Browser:
    """Keeps cookies, and sends forms as a browser does: with what stood on the page that it saw last."""

    client: httpx.AsyncClient
    page: str = ""
    status: int = 0
    headers: httpx.Headers = field(default_factory=httpx.Headers)

    async def get(self, path: str) -> str:
        return await self._take(await self.client.get(path))

    async def post(self, path: str, headers: dict[str, str] | None = None, **fields: Any) -> str:
        """Send a form of the page that was seen last; follows the redirect that comes of it."""
        token, form = _TOKEN.search(self.page), _FORM.search(self.page)
        data = {"token": token[1] if token else "", "form": form[1] if form else "", **fields}
        sent = {"sec-fetch-site": "same-origin"} if headers is None else headers
        return await self._take(await self.client.post(path, data=data, headers=sent))

    async def _take(self, answer: httpx.Response) -> str:
        self.status, self.headers = answer.status_code, answer.headers
        if answer.status_code == 303:
            return await self.get(answer.headers["location"])
        self.page = unescape(answer.text)
        return self.page

    @property
    def session(self) -> str | None:
        return self.client.cookies.get("__Host-session")


@dataclass
class Site:
    """The console's app and store."""

    console: Console
    app: FastAPI
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    def browser(self, address: str = "192.0.2.1") -> Browser:
        transport = httpx.ASGITransport(app=self.app, client=(address, 5000), raise_app_exceptions=False)
        client = httpx.AsyncClient(transport=transport, base_url=HOST)
        self.clients.append(client)
        return Browser(client)

    async def link(self, role: Role = "owner", shop: str | None = "tea") -> str:
        """The path of an invitation."""
        token = secrets.token_urlsafe()
        async with self.console.database.transaction() as tx:
            await store_invitations.insert_invitation(tx, token, role, shop, 48)
        return f"/invitation/{token}"

    async def signed_in(self, role: Role = "owner", name: str = "", shop: str = "tea") -> Browser:
        """A browser of somebody with the role in the shop."""
        browser = self.browser()
        link = await self.link(role, shop)
        await browser.get(link)
        await browser.post(link, name=name or f"{role} {len(self.clients)}", password=PASSWORD, agreed="yes")
        assert browser.status == 200, browser.page
        return browser

    async def entries(self) -> list[tuple[str, str, str]]:
        """Action, object and outcome of all audit entries, oldest first."""
        async with self.console.database.transaction() as tx:
            return [tuple(row) for row in await tx.fetch("select action, object, outcome from audit order by entry")]


@pytest_asyncio.fixture
async def site(database: EmptyDatabase, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    for name in ("DATABASE_URL", "MASTER_KEY", "PUBLIC_URL"):
        monkeypatch.delenv(name, raising=False)
    url = await database()
    await migrate(url, MIGRATIONS, common=False)
    console = build_console(settings(url))
    made = Site(console, build_app(console))
    yield made
    for client in made.clients:
        await client.aclose()
    await console.freshness.close()
    await console.services.close()
    await console.database.close()
