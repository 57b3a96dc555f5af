"""A page of one request: who looks, in which shop and language, and the answer that is drawn for them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, RedirectResponse, Response

from common.events.fields import MAX_IDENTIFIER
from common.storage.database import Database
from common.values.paths import part
from console.access import store
from console.access.audit import insert_entry
from console.access.forms import new_form, token_for
from console.access.passwords import Passwords
from console.access.roles import Role, may
from console.access.store import Person
from console.client import BROWSER_WAITS_S, Answer, Ask, Services
from console.provider.client import Provider
from console.settings import ConsoleSettings
from console.texts import Language, translated
from console.texts.words import REASONS, WORDS
from console.web import assets, formats, navigation
from console.web.freshness import Freshness

DEAR = ("/kpis/", "/report/customer-costs")
"""Questions of a shop for which a service reads all of its orders begin so."""


@dataclass(slots=True)
class Console:
    """What the routes share in one process."""

    settings: ConsoleSettings
    database: Database
    services: Services
    master: bytes
    audit_key: bytes
    """Of the chain of audit entries."""
    passwords: Passwords = field(default_factory=Passwords)
    under_way: dict[tuple[int, str], asyncio.Future[Answer | None]] = field(default_factory=dict)
    """Commands that have not been answered yet, by person and form."""
    provider: Provider | None = field(init=False)
    freshness: Freshness = field(init=False)

    def __post_init__(self) -> None:
        self.provider = Provider(self.settings) if self.settings.oidc_issuer else None
        self.freshness = Freshness(self._lags)

    async def _lags(self) -> dict[str, int]:
        """Events that each service has not read yet; of one that does not answer nothing."""
        names = self.services.names
        answers = await self.services.ask(*(Ask(name, "/ops/settled") for name in names))
        return {name: a.body.get("lag", 0) for name, a in zip(names, answers, strict=True) if a.ok}

    @property
    def secure(self) -> bool:
        """Whether cookies come by TLS alone."""
        return not self.settings.plain_http

    def cookie(self, name: str) -> str:
        """The cookie's name: with TLS under the prefix that keeps other hosts of the domain from setting it."""
        return f"__Host-{name}" if self.secure else name

    def keep(self, response: Response, name: str, value: str, seconds: int | None = None) -> None:
        """Set a cookie that no script reads and no other site's form sends."""
        response.set_cookie(
            self.cookie(name), value, max_age=seconds, path="/", secure=self.secure, httponly=True, samesite="lax"
        )

    def drop(self, response: Response, name: str) -> None:
        response.delete_cookie(self.cookie(name), path="/", secure=self.secure, httponly=True, samesite="lax")


@dataclass(slots=True)
class Viewer:
    """Who looks at what. `session` is what the cookie holds, of one not signed in a passing token for forms."""

    console: Console
    request: Request
    session: str
    language: Language
    theme: str
    person: Person | None = None
    shop: str | None = None
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    off: frozenset[str] = frozenset()
    """Pages that the company's stage leaves out of the navigation."""

    @property
    def role(self) -> Role | None:
        return self.person.shops.get(self.shop or "") if self.person is not None else None

    @property
    def who(self) -> Person:
        """The person of a page that asks for one."""
        assert self.person is not None
        return self.person

    @property
    def here(self) -> str:
        """The shop of a page of a shop."""
        assert self.shop is not None
        return self.shop

    def may(self, page: str) -> bool:
        return may(self.role, page)

    def say(self, text: str, /, **values: object) -> str:
        # What macros give is escaped already; the sentence as a whole is escaped where it is drawn.
        plain = {name: value.unescape() if isinstance(value, Markup) else value for name, value in values.items()}
        return translated(self.language, text, **plain)

    def url(self, path: str = "") -> str:
        """A path within the shop."""
        return f"/s/{self.here}{path}"

    def sections(self) -> list[navigation.Shown]:
        """The navigation; none outside of a shop."""
        if self.shop is None:
            return []
        return navigation.shown(self.may, self.request.url.path.removeprefix(f"/s/{self.here}"), self.off)

    async def ask(self, *asked: Ask) -> list[Answer]:
        """The answers for a page of parts: those within its budget, or with `wait` all that come in time.

        All that come in time, too, where the page answers a form that was sent: its address cannot be asked for again.
        """
        services = self.console.services
        whole = "wait" in self.request.query_params or self.request.method == "POST"
        return await (services.ask if whole else services.ask_soon)(*asked)

    def of_shop(self, service: str, path: str, **params: Any) -> Ask:
        """A question about the shop; key figures are dear, whichever page asks for them."""
        return Ask(service, f"/v1/shops/{self.here}{path}", params, path.startswith(DEAR))

    async def record(self, action: str, thing: str, outcome: str = "done", form: str | None = None) -> bool:
        """One audit entry; False where the same form has made one already."""
        async with self.console.database.transaction() as tx:
            return await insert_entry(tx, self.console.audit_key, self.who, self.shop, action, thing, outcome, form)

    async def look(self, thing: str, action: str, form: str | None) -> None:
        """Record a look at personal data, and show it to this session for five minutes."""
        async with self.console.database.transaction() as tx:
            await store.insert_look(tx, self.session, f"{self.here}: {thing}")
            await insert_entry(tx, self.console.audit_key, self.who, self.shop, action, thing, "shown", form)

    async def open_customer(self, customer: str) -> None:
        """Record that what is known of the customer is shown to the person, before it is; once a session and hour.

        Nobody can have no id, or one that is too long.
        """
        if not 0 < len(customer.encode()) <= MAX_IDENTIFIER:
            return
        async with self.console.database.transaction() as tx:
            if await store.begin_look(tx, self.session, f"{self.here}: opened {customer}"):
                thing = f"customers/{part(customer)}"
                await insert_entry(
                    tx, self.console.audit_key, self.who, self.shop, "open_customer", thing, "opened", None
                )

    async def may_look(self, thing: str) -> bool:
        return bool(await self.looked_at([thing]))

    async def looked_at(self, things: Sequence[str]) -> set[str]:
        """Those of the things that this session asked to see of late; of a page's all in one statement."""
        named = {f"{self.here}: {thing}": thing for thing in things}
        async with self.console.database.transaction() as tx:
            return {named[each] for each in await store.list_looks(tx, self.session, list(named))}

    def draw(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """The page. A new visitor gets the cookie that binds forms to the browser."""
        shown = (
            _templates()
            .get_template(template)
            .render(
                viewer=self,
                _=self.say,
                form_token=token_for(self.session),
                new_form=new_form,
                asset=assets.address,
                moment=partial(formats.moment, zone=self.zone),
                second=partial(formats.moment, zone=self.zone, seconds=True),
                notice=self.request.query_params.get("notice", ""),
                **values,
            )
        )
        response = HTMLResponse(shown, status)
        if self.person is None and self.session:
            self.console.keep(response, "visitor", self.session)
        return response


def see(path: str, notice: str = "") -> RedirectResponse:
    """What follows a form: another page, asked for with GET."""
    return RedirectResponse(f"{path}{'&' if '?' in path else '?'}notice={notice}" if notice else path, 303)


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parents[1]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "words": WORDS,
        "reasons": REASONS,
        "part": part,
        "browser_waits_ms": round(1_000 * BROWSER_WAITS_S),
    }
    environment.filters |= {
        "money": formats.money,
        "major": formats.major,
        "number": formats.number,
        "whole": formats.whole,
        "rate": formats.rate,
        "in_order": formats.in_order,
    }
    return environment
