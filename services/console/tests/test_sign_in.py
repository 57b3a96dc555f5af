"""Signing in: invitations, throttling, sessions, the second factor."""

from __future__ import annotations

import asyncio
import re

import pyotp
import pytest

from console.access.passwords import code_step
from console.main import arguments

from .conftest import PASSWORD, Browser, Site


async def _try(browser: Browser, name: str, password: str, code: str = "") -> str:
    await browser.get("/sign-in")
    return await browser.post("/sign-in", name=name, password=password, code=code)


async def test_the_first_owner_names_the_shop_and_the_link_counts_once(site: Site) -> None:
    link = await site.link(shop=None)
    browser = site.browser()
    await browser.get(link)
    await browser.post(link, name="Ann", password=PASSWORD, agreed="yes", shop="tea")
    assert "<h1>Today</h1>" in browser.page
    again = site.browser()
    await again.get(link)
    assert again.status == 410
    assert "invite --first-owner" in again.page


async def test_two_who_take_up_one_link_at_once_make_one_person(site: Site) -> None:
    link = await site.link()
    browsers = [site.browser(), site.browser()]
    for browser in browsers:
        await browser.get(link)
    await asyncio.gather(
        *(
            browser.post(link, name=name, password=PASSWORD, agreed="yes")
            for browser, name in zip(browsers, "ab", strict=True)
        )
    )
    assert sorted(browser.status for browser in browsers) == [200, 410]


async def test_what_is_wrong_is_named_at_its_field_and_what_was_typed_stays(site: Site) -> None:
    link = await site.link(shop=None)
    browser = site.browser()
    await browser.get(link)
    page = await browser.post(link, name="Ann", password="short", shop="no shop!")
    assert browser.status == 422
    assert '<a href="#password">' in page
    assert '<a href="#shop">' in page
    assert '<a href="#agreed">' in page
    assert 'value="Ann"' in page
    assert "short" not in page
    for name in ("", "Ann\u202e", "\u3164", "Ann (key 1a2b3c4d)", "(Key 1A2B3C4D)"):
        page = await browser.post(link, name=name, password=PASSWORD, agreed="yes", shop="tea")
        assert '<a href="#name">' in page, "no service takes it"
    assert "does not end in (key …)" in page
    await browser.post(link, name="Ann (Key Accounts)", password=PASSWORD, agreed="yes", shop="tea")
    assert browser.status == 200


async def test_a_name_that_is_taken_leaves_the_link_as_it_was(site: Site) -> None:
    await site.signed_up("owner", "Ann")
    link = await site.link()
    browser = site.browser()
    await browser.get(link)
    page = await browser.post(link, name="ann", password=PASSWORD, agreed="yes")
    assert "Somebody has this name already" in page
    await browser.post(link, name="Bea", password=PASSWORD, agreed="yes")
    assert browser.status == 200


async def test_who_is_signed_in_joins_one_more_shop_and_loses_no_rights_by_a_link(site: Site) -> None:
    browser = await site.signed_up("owner", "Ann")
    before = browser.session
    link = await site.link("agent", "wine")
    page = await browser.get(link)
    assert "You are signed in as Ann" in page
    await browser.post(link)
    assert (browser.status, browser.session != before) == (200, True)
    await browser.get("/")
    assert '<a href="/s/tea/today">tea</a> (owner)' in browser.page
    assert '<a href="/s/wine/today">wine</a> (agent)' in browser.page
    lower = await site.link("viewer", "tea")
    await browser.get(lower)
    await browser.post(lower)
    assert "You belong to this shop already" in browser.page
    assert "tea</a> (owner)" in browser.page


async def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(site: Site) -> None:
    await site.signed_up("owner", "Ann")
    wrong, unknown = site.browser(), site.browser()
    pages = [await _try(wrong, "Ann", "wrong password"), await _try(unknown, "Bob", "wrong password")]
    assert wrong.status == unknown.status == 422
    stripped = [re.sub(r'value="[^"]*"', "", page) for page in pages]
    assert stripped[0] == stripped[1]


async def test_the_sixth_attempt_waits_even_with_the_right_password(site: Site) -> None:
    await site.signed_up("owner", "Ann")
    browser = site.browser()
    for _ in range(5):
        await _try(browser, "Ann", "wrong password")
        assert browser.status == 422
    page = await _try(browser, "ANN", PASSWORD)
    assert browser.status == 429
    assert re.search(r"Try again after \d\d:\d\d:\d\d UTC", page)
    other = site.browser()
    await site.signed_up("owner", "Bea")
    await _try(other, "Bea", PASSWORD)
    assert other.status == 200


async def test_many_attempts_at_once_are_no_way_round(site: Site) -> None:
    await site.signed_up("owner", "Ann")
    browsers = [site.browser() for _ in range(12)]
    await asyncio.gather(*(_try(browser, "Ann", "wrong password") for browser in browsers))
    assert sorted(browser.status for browser in browsers) == [422] * 5 + [429] * 7


async def test_an_address_is_throttled_whatever_names_it_tries(site: Site) -> None:
    statuses = []
    browser = site.browser("192.0.2.77")
    for number in range(31):
        await _try(browser, f"name {number}", "wrong password")
        statuses.append(browser.status)
    assert statuses == [422] * 30 + [429]


async def test_a_session_that_was_set_before_signing_in_opens_nothing(site: Site) -> None:
    """SEC: session fixation."""
    await site.signed_up("owner", "Ann")
    browser = site.browser()
    browser.client.cookies.set("__Host-session", "planted", domain="console.shop.example")
    browser.client.cookies.set("__Host-visitor", "planted", domain="console.shop.example")
    await _try(browser, "Ann", PASSWORD)
    assert browser.status == 200
    assert browser.session not in (None, "planted")
    thief = site.browser()
    thief.client.cookies.set("__Host-session", "planted", domain="console.shop.example")
    await thief.get("/s/tea/today")
    assert "<h1>Sign in</h1>" in thief.page


async def test_signing_in_again_ends_the_session_before(site: Site) -> None:
    first = await site.signed_up("owner", "Ann")
    before = first.session
    await first.post("/sign-in", name="Ann", password=PASSWORD)
    assert first.session != before
    old = site.browser()
    old.client.cookies.set("__Host-session", before or "", domain="console.shop.example")
    await old.get("/account")
    assert "<h1>Sign in</h1>" in old.page


async def test_signing_out_everywhere_ends_all_sessions(site: Site) -> None:
    first = await site.signed_up("owner", "Ann")
    second = site.browser()
    await _try(second, "Ann", PASSWORD)
    await first.get("/account")
    await first.post("/account/sessions")
    await second.get("/account")
    assert "<h1>Sign in</h1>" in second.page


async def test_the_cookie_is_for_this_host_alone_and_for_no_script(site: Site) -> None:
    browser = site.browser()
    link = await site.link()
    await browser.get(link)
    answer = await browser.client.post(
        link,
        data={
            "token": re.findall(r'name="token" value="(\w+)"', browser.page)[0],
            "name": "A",
            "password": PASSWORD,
            "agreed": "yes",
        },
        headers={"sec-fetch-site": "same-origin"},
    )
    (cookie,) = [c for c in answer.headers.get_list("set-cookie") if c.startswith("__Host-session=")]
    assert {"HttpOnly", "Secure", "Path=/", "SameSite=lax"} <= {each.strip() for each in cookie.split(";")}
    assert "Domain" not in cookie


async def test_a_second_factor_is_asked_for_and_each_code_counts_once(site: Site) -> None:
    browser = await site.signed_up("owner", "Ann")
    page = await browser.get("/account/second-factor")
    secret = re.findall(r"<code>(\w{32})</code>", page)[0]
    (sealed,) = re.findall(r'name="sealed" value="([^"]+)"', page)
    code = pyotp.TOTP(secret).now()
    await browser.post("/account/second-factor", sealed=sealed, code=code)
    assert "From now on a code is asked for" in browser.page
    stranger = site.browser()
    await _try(stranger, "Ann", PASSWORD)
    assert stranger.status == 422
    await _try(stranger, "Ann", PASSWORD, code)
    assert stranger.status == 422, "the code that set it up has counted"
    async with site.console.database.transaction() as tx:
        await tx.execute("update people set totp_step = totp_step - 2")
    await _try(stranger, "Ann", PASSWORD, pyotp.TOTP(secret).now())
    assert stranger.status == 200
    await stranger.get("/account")
    await stranger.post("/account/second-factor/drop", code="000000")
    assert "nothing was changed" in stranger.page


async def test_a_second_factor_that_does_not_count_is_not_said_to_be_kept(site: Site) -> None:
    """Two tabs, each with a key of its own: the second is refused, the same form sent twice is not."""
    browser = await site.signed_up("owner", "Ann")
    tabs = []
    for _ in range(2):
        page = await browser.get("/account/second-factor")
        tabs.append(
            (re.findall(r'name="sealed" value="([^"]+)"', page)[0], re.findall(r"<code>(\w{32})</code>", page)[0])
        )
    for _ in range(2):
        await browser.post("/account/second-factor", sealed=tabs[0][0], code=pyotp.TOTP(tabs[0][1]).now())
        assert "From now on a code is asked for" in browser.page
    await browser.get("/account/second-factor")
    await browser.post("/account/second-factor", sealed=tabs[1][0], code=pyotp.TOTP(tabs[1][1]).now())
    assert browser.status == 409
    assert "Codes of another key are asked for already" in browser.page


async def test_a_sealed_secret_of_somebody_else_sets_nothing_up(site: Site) -> None:
    theirs = await site.signed_up("owner", "Ann")
    page = await theirs.get("/account/second-factor")
    (sealed,) = re.findall(r'name="sealed" value="([^"]+)"', page)
    secret = re.findall(r"<code>(\w{32})</code>", page)[0]
    mine = await site.signed_up("owner", "Bea")
    await mine.post("/account/second-factor", sealed=sealed, code=pyotp.TOTP(secret).now())
    await mine.get("/account")
    assert "A password alone opens your account" in mine.page


def test_a_code_of_the_step_before_or_after_counts_but_no_older_one() -> None:
    secret, now = pyotp.random_base32(), 1_700_000_000.0
    totp, step = pyotp.TOTP(secret), (1_700_000_000 // 30)
    assert code_step(secret, totp.generate_otp(step), None, now) == step
    assert code_step(secret, totp.generate_otp(step - 1), None, now) == step - 1
    assert code_step(secret, totp.generate_otp(step - 3), None, now) is None
    assert code_step(secret, totp.generate_otp(step), step, now) is None


@pytest.mark.parametrize(
    "given", [[], ["invite"], ["invite", "--shop", "tea", "--role", "king"], ["invite", "--shop", "a/b"], ["rebuild"]]
)
def test_a_command_that_cannot_be_understood_ends_with_a_sentence(given: list[str]) -> None:
    with pytest.raises(SystemExit):
        arguments(given)


async def test_a_password_is_changed_by_who_knows_the_old_one_and_ends_every_other_session(site: Site) -> None:
    ann = await site.signed_up("owner", "Ann")
    elsewhere = site.browser()
    await _try(elsewhere, "Ann", PASSWORD)
    new = "another horse battery staple"
    await ann.get("/account/password")
    assert "The old password is wrong." in await ann.post("/account/password", old="wrong", new=new)
    assert "A password has 12" in await ann.post("/account/password", old=PASSWORD, new="short")
    await ann.post("/account/password", old=PASSWORD, new=new)
    assert (ann.status, "<h1>Your account</h1>" in ann.page) == (200, True)
    await elsewhere.get("/s/tea/today")
    assert "<h1>Sign in</h1>" in elsewhere.page
    assert "Name, password or code is wrong." in await _try(elsewhere, "Ann", PASSWORD)
    await _try(elsewhere, "Ann", new)
    assert "<h1>Today</h1>" in elsewhere.page
    assert ("change_password", "Ann", "done") in await site.entries()
    await ann.get("/account/password")
    for _ in range(5):
        await ann.post("/account/password", old="guessed", new=new)
    assert "Too many attempts." in await ann.post("/account/password", old="guessed", new=new)
