"""Signing in by an identity provider: people and roles from its claims, and every answer that is not to be taken."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr, ValidationError

from console.access.names import is_name
from console.provider.client import Provider
from console.provider.rules import claimed
from console.web.page import Console

from .conftest import HOST, PASSWORD, Browser, Site, settings
from .provider import CLIENT, SECRET, LocalProvider, local_provider

MIA = {"sub": "u-1", "preferred_username": "mia", "regulars": ["tea:marketer", "wine:viewer", "moon"]}


@pytest.mark.parametrize(
    ("name", "claims", "groups", "shops"),
    [
        ("roles", {"roles": ["tea:owner", "wine:agent"]}, {}, {"tea": "owner", "wine": "agent"}),
        ("one role alone", {"roles": "tea:owner"}, {}, {"tea": "owner"}),
        ("the highest of several", {"roles": ["tea:viewer", "tea:marketer"]}, {}, {"tea": "marketer"}),
        ("no role of ours", {"roles": ["tea:emperor", "owner", "a b:owner", 7, None]}, {}, {}),
        ("no claim", {}, {}, {}),
        ("a claim of another kind", {"roles": {"tea": "owner"}}, {}, {}),
        ("groups", {"roles": ["crm", "x"]}, {"crm": ["tea:agent", "wine:viewer"]}, {"tea": "agent", "wine": "viewer"}),
        ("a role where groups are meant", {"roles": ["tea:owner"]}, {"crm": ["tea:agent"]}, {}),
    ],
)
def test_roles_are_those_that_the_claim_says(
    name: str, claims: dict[str, Any], groups: dict[str, list[str]], shops: dict[str, str]
) -> None:
    assert claimed({"sub": "u", **claims}, "roles", groups).shops == shops, name


def test_a_person_is_called_as_the_provider_says_or_by_the_subject() -> None:
    assert claimed({"sub": "u-1", "email": " mia@tea.example "}, "roles", {}).name == "mia@tea.example"
    assert claimed({"sub": "u-1", "name": "Anna Li (Key Accounts)"}, "roles", {}).name == "Anna Li (Key Accounts)"
    for name in ("a\nb", "\u202eaim", "\u3164", "Mara (key 1a2b3c4d)", "m" * 85 + " (key 1a2b3c4d) Mara"):
        assert claimed({"sub": "u-1", "name": name}, "roles", {}).name == "u-1", "no service takes it"
        assert is_name(claimed({"sub": name, "name": name}, "roles", {}).name)


@pytest.mark.parametrize(
    ("given", "words"),
    [({"oidc_issuer": "http://sso.example", "oidc_client_id": "x"}, "https"), ({"oidc_issuer": "https://sso"}, "ID")],
)
def test_s_1_a_provider_without_tls_or_name_is_refused_at_start(given: dict[str, str], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        settings("postgresql://x/y", **given)


@pytest_asyncio.fixture
async def provider(site: Site) -> AsyncIterator[LocalProvider]:
    async with local_provider() as found:
        site.console.settings = with_provider(site.console, found)
        site.console.provider = Provider(site.console.settings)
        yield found


def with_provider(console: Console, found: LocalProvider) -> Any:
    return console.settings.model_copy(
        update={
            "oidc_issuer": found.issuer,
            "oidc_client_id": CLIENT,
            "oidc_client_secret": SecretStr(SECRET),
            "oidc_roles_claim": "regulars",
        }
    )


async def away(browser: Browser, path: str = "/sign-in/provider?next=/s/wine/today") -> str:
    """Follow the link to the provider; the address to which it sends the browser back, not called yet."""
    sent = await browser.client.get(path)
    assert sent.status_code == 303, sent.text
    async with httpx.AsyncClient(timeout=60) as outside:
        back = await outside.get(sent.headers["location"])
    location: str = back.headers["location"]
    assert location.startswith(HOST)
    return location.removeprefix(HOST)


@pytest.mark.parametrize("spoil", ["", "no way out"])
async def test_who_came_by_the_provider_may_sign_out_there_too(site: Site, provider: LocalProvider, spoil: str) -> None:
    """By a link, since forms lead to us alone; the provider leads back to our form."""
    provider.claims, provider.spoil = MIA, spoil
    browser = site.browser()
    await browser.get(await away(browser))
    page = await browser.post("/sign-out")
    assert 'href="/sign-out/provider"' in page
    sent = await browser.client.get("/sign-out/provider")
    if spoil:
        assert (sent.status_code, "names no page" in sent.text) == (404, True)
    else:
        asked = f"from=us&client_id={quote(CLIENT)}&post_logout_redirect_uri={quote(HOST + '/sign-in', safe='')}"
        assert (sent.status_code, sent.headers["location"]) == (303, f"{provider.issuer}/out?{asked}")
    own = await site.signed_in("owner", "Olga")
    assert "/sign-out/provider" not in await own.post("/sign-out"), "of a password nobody else knows"


async def test_a_person_comes_in_by_the_provider_with_the_roles_it_gives(site: Site, provider: LocalProvider) -> None:
    """S-1: roles follow the provider at each sign-in; somebody else's name opens nobody's account."""
    await site.signed_in("owner", "Mia")
    provider.claims = MIA
    browser = site.browser()
    assert 'href="/sign-in/provider?next=/"' in await browser.get("/sign-in")
    back = await away(browser)
    await browser.get(back)
    assert (browser.status, "<h1>Confidentiality</h1>" in browser.page) == (200, True), "she has agreed to nothing yet"
    await browser.post("/account/confidentiality", agreed="yes")
    await browser.get("/s/tea/today")
    assert (browser.status, "<h1>Today</h1>" in browser.page) == (200, True)
    await browser.get("/account")
    assert "mia " in browser.page, "a name of its own beside the Mia who signs in by password"
    await browser.get("/")
    assert '<a href="/s/tea/today">tea</a> (marketer)' in browser.page
    again = site.browser()
    again.client.cookies = browser.client.cookies
    await again.get(back)
    assert again.status == 422, "an answer counts once"
    provider.claims = MIA | {"regulars": ["wine:owner"]}
    await browser.get("/s/tea/today")
    assert browser.status == 200, "until the next sign-in"
    second = site.browser()
    await second.get(await away(second))
    await second.get("/s/tea/today")
    assert second.status == 404
    await browser.get("/s/tea/today")
    assert browser.status == 404, "the roles are the person's, not the session's"
    provider.claims = MIA | {"regulars": []}
    third = site.browser()
    await third.get(await away(third))
    assert (third.status, "gives you no role" in third.page, third.session) == (403, True, None)
    async with site.console.database.transaction() as tx:
        people = await tx.fetch("select name, subject, password is null as provided from people order by person_id")
        assert [(p.subject, p.provided) for p in people] == [(None, False), ("u-1", True)]
    await browser.post("/sign-in", name=people[1].name, password=PASSWORD)
    assert browser.status in (303, 403, 422), "no password opens it"


@pytest.mark.parametrize(
    "spoil",
    [
        "another audience",
        "several audiences",
        "another issuer",
        "expired",
        "another nonce",
        "no subject",
        "no end",
        "unsigned",
        "signed with the client's secret",
        "another key",
    ],
)
async def test_s_1_a_token_that_is_not_for_us_now_opens_nothing(
    site: Site, provider: LocalProvider, spoil: str
) -> None:
    provider.claims, provider.spoil = MIA, spoil
    browser = site.browser()
    await browser.get(await away(browser))
    assert (browser.status, browser.session, provider.given) == (422, None, 1)
    assert "Begin again" in browser.page
    async with site.console.database.transaction() as tx:
        assert await tx.value("select count(*) from people") == 0


async def test_s_1_an_answer_that_this_browser_did_not_ask_for_is_refused(site: Site, provider: LocalProvider) -> None:
    provider.claims = MIA
    back = await away(site.browser())
    victim = site.browser()
    await victim.get(back)
    assert (victim.status, victim.session) == (422, None), "no cookie of a sign-in under way"
    await away(victim)
    await victim.get(back)
    assert (victim.status, victim.session) == (422, None), "another state than its own"
    browser = site.browser()
    mine = await away(browser)
    await browser.get(mine.replace("iss=http", "iss=https"))
    assert (browser.status, browser.session) == (422, None), "another issuer's answer (RFC 9207)"
    await browser.get("/sign-in/back?error=access_denied")
    assert browser.status == 422
    evil = await away(browser, "/sign-in/provider?next=//evil.example")
    await browser.get(evil)
    assert urlsplit(str(browser.headers.get("location", "/"))).netloc == ""
    assert parse_qs(urlsplit(evil).query)["state"]


async def test_a_provider_that_is_away_leaves_the_password(site: Site, provider: LocalProvider) -> None:
    provider.spoil = "calls itself another"
    browser = site.browser()
    await browser.get("/sign-in/provider")
    assert (browser.status, "sign in with your name and password" in browser.page) == (503, True)
    provider.claims, provider.spoil = MIA, ""
    back = await away(browser)
    provider.issuer = "http://127.0.0.1:9"
    site.console.provider = Provider(site.console.settings.model_copy(update={"oidc_issuer": provider.issuer}))
    await browser.get(back)
    assert browser.status == 503


async def test_without_a_provider_there_is_no_such_door(site: Site) -> None:
    browser = site.browser()
    assert "/sign-in/provider" not in await browser.get("/sign-in")
    for path in ("/sign-in/provider", "/sign-in/back?code=x&state=y"):
        await browser.get(path)
        assert browser.status == 404
