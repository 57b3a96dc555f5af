"""Every page of the console is drawn from whatever the services' documents allow them to answer."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from common.storage.migrate import migrate
from console.access import store
from console.access.roles import PAGES
from console.app import build_app
from console.main import MIGRATIONS, build_console
from console.settings import ConsoleSettings
from console.web.page import Console
from regulars.testing import EmptyDatabase

from .imagined import How, Imagination, ImaginedServices

HOST = "https://console.shop.example"
IDS = {"which": "contact", "month": "2026-03", "action": "start", "topic": "price", "service": "membership"}
"""What stands in the holes of paths; other holes take `1`."""
ELSEWHERE = {
    "opt_out": "asks for a channel",
    "lift_bounce": "asks for a channel",
    "survey_form": "is looked for in a list",
    "one_dead": "is looked for in a list",
    "check_campaign": "is there in one state alone",
    "check_withdrawal": "is looked for in a list",
}
"""Pages that cannot be shown without more than their address, with the reason."""


@pytest_asyncio.fixture
async def console(database: EmptyDatabase, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Console]:
    for name in ("DATABASE_URL", "MASTER_KEY", "PUBLIC_URL"):
        monkeypatch.delenv(name, raising=False)
    url = await database()
    await migrate(url, MIGRATIONS, common=False)
    given: dict[str, Any] = {
        "database_url": url.replace("+asyncpg", ""),
        "master_key": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "services_api_key": "a-key-of-the-console-for-tests",
        "public_url": HOST,
        **{f"{n}_url": HOST for n in ("orders_ingest", "membership", "segmentation", "messaging", "feedback")},
    }
    settings = ConsoleSettings(**given)
    made = build_console(settings)
    await made.services.close()
    made.services = ImaginedServices(settings.addresses(), "", 1, 1)
    yield made
    await made.freshness.close()
    await made.services.close()
    await made.database.close()


async def signed_in(console: Console, app: FastAPI) -> httpx.AsyncClient:
    """A browser of an owner."""
    token = secrets.token_urlsafe()
    async with console.database.transaction() as tx:
        await store.insert_invitation(tx, token, "owner", "tea", 48)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=HOST)
    page = (await client.get(f"/invitation/{token}")).text
    fields = dict(re.findall(r'name="(token|form)" value="([^"]+)"', page))
    answer = await client.post(
        f"/invitation/{token}",
        data={**fields, "name": "Olga", "password": "correct horse battery staple"},
        headers={"sec-fetch-site": "same-origin"},
    )
    assert answer.status_code == 303, answer.text
    return client


@pytest.mark.parametrize("how", ["full", "bare"])
async def test_each_page_is_drawn_from_answers_as_full_and_as_empty_as_can_be(
    apps: dict[str, FastAPI], console: Console, how: How
) -> None:
    """XCT: null is never shown as `None`, and what services answer is escaped once, in both languages."""
    services = console.services
    assert isinstance(services, ImaginedServices)
    services.imagination = Imagination({name: app.openapi() for name, app in apps.items()}, how)
    app = build_app(console)
    wrong = []
    async with aclosing(await signed_in(console, app)) as client:
        for route in iter_route_contexts(app.routes):
            page = PAGES.get(str(route.name))
            if page is None or page.door != "shop" or "GET" not in (route.methods or ()) or "owner" not in page.roles:
                continue
            path = re.sub(r"\{(\w+)(?::\w+)?\}", lambda hole: IDS.get(hole[1], "1"), str(getattr(route, "path", "")))
            for language in ("en", "zh"):
                client.cookies.set("language", language)
                answer = await client.get(path.replace("/s/1/", "/s/tea/"), params={"other": "bea"})
                words = re.sub(r"<[^>]*>", " ", answer.text)
                faults = {
                    "status": answer.status_code != 200 and route.name not in ELSEWHERE,
                    "None": "None" in words,
                    "not escaped": "<b>'x'" in answer.text,
                    "escaped twice": "&amp;lt;" in answer.text or "&amp;#39;" in answer.text,
                }
                wrong += [(route.name, language, answer.status_code, what) for what, is_so in faults.items() if is_so]
    assert wrong == []
    asked = {said for said in services.unknown if "/health/ready" not in said}
    assert asked == set(), "a page asks for what no service has"
