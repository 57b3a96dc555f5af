"""What other sites, and people who are signed in, may not do."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import pytest

import console
from console.operations.dead import _wrong
from console.settings import ConsoleSettings
from console.web import assets
from console.web.headers import HEADERS
from console.web.numbers import minor, whole

from .conftest import HOST, Browser, Site, settings

STATIC = Path(console.__file__).parent / "static"
VENDORED = {
    "vendor/htmx.org-4.0.1/htmx.min.js": "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130",
    "vendor/echarts-6.1.0/echarts.min.js": "b66b25aeb4df84e33199dc21694014d336d222cbd9deb0e5a7c14bd6aa0d0fd0",
}


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {},
    ],
)
async def test_a_form_from_elsewhere_is_refused_though_it_bears_the_token(site: Site, headers: dict[str, str]) -> None:
    """SEC: cross-site request forgery."""
    browser = await site.signed_in("owner")
    await browser.post("/account/sessions", headers)
    assert browser.status == 403
    await browser.get("/s/tea/today")
    assert browser.status == 200


async def test_a_browser_that_says_only_its_origin_may_send_forms(site: Site) -> None:
    browser = await site.signed_in("owner")
    await browser.post("/sign-out", {"origin": HOST})
    assert "<h1>Sign in</h1>" in browser.page


@pytest.mark.parametrize("token", ["", "0" * 64, "ü"])
async def test_a_form_without_the_sessions_token_is_refused(site: Site, token: str) -> None:
    browser = await site.signed_in("owner")
    await browser.post("/account/sessions", token=token)
    assert browser.status == 403


async def test_another_sessions_token_is_none(site: Site) -> None:
    theirs, mine = await site.signed_in("owner"), await site.signed_in("owner")
    mine.page = theirs.page
    await mine.post("/account/sessions")
    assert mine.status == 403


async def test_every_answer_bears_the_headers(site: Site) -> None:
    browser = await site.signed_in("owner")
    for path in ("/s/tea/today", "/nowhere", "/health/live", "/sign-in", assets.address("app.css"), "/s/wine/today"):
        answer = await browser.client.get(path)
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS, path
        assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"


async def test_style_and_script_are_kept_for_good_under_a_name_with_their_hash(site: Site) -> None:
    browser = site.browser()
    answer = await browser.client.get(assets.address("app.css"))
    assert "immutable" in answer.headers["cache-control"]
    assert (await browser.client.get("/static/../settings.py")).status_code == 404


async def test_next_leads_to_no_other_host(site: Site) -> None:
    """SEC: open redirect."""
    browser = await site.signed_in("owner", "Ann")
    answer = await browser.client.get("/sign-in", params={"next": "//evil.example"})
    assert answer.headers["location"] == "/"
    answer = await browser.client.post(
        "/look", data={"token": _token(browser), "back": "//evil.example"}, headers={"sec-fetch-site": "same-origin"}
    )
    assert answer.headers["location"] == "/"


def _token(browser: Browser) -> str:
    return browser.page.split('name="token" value="')[1].split('"')[0]


async def test_what_is_typed_stays_text(site: Site) -> None:
    browser = await site.signed_in("owner")
    await browser.get("/s/tea/customers")
    answer = await browser.client.post(
        "/s/tea/customers",
        data={"token": _token(browser), "wanted": '"><script>alert(1)</script>{{7*7}}'},
        headers={"sec-fetch-site": "same-origin"},
    )
    assert "<script>alert" not in answer.text
    assert "{{7*7}}" in answer.text


async def test_a_form_larger_than_any_of_ours_is_refused_before_it_is_read(site: Site) -> None:
    browser = await site.signed_in("owner")
    await browser.post("/s/tea/customers", wanted="x" * 1_100_000)
    assert browser.status == 413


def test_vendored_scripts_are_what_the_registry_has_with_their_licences() -> None:
    for name, digest in VENDORED.items():
        assert hashlib.sha256((STATIC / name).read_bytes()).hexdigest() == digest
        assert (STATIC / name).with_name("LICENSE").exists()


@pytest.mark.parametrize("public", ["https://console.shop.example", "http://console.shop.example"])
def test_cookies_without_tls_are_for_this_machine_alone(public: str) -> None:
    with pytest.raises(ValueError, match="PLAIN_HTTP is for this machine alone"):
        settings("postgresql://x@y/z", public_url=public, plain_http=True)
    assert isinstance(settings("postgresql://x@y/z", public_url="http://localhost:1", plain_http=True), ConsoleSettings)


async def test_a_strangers_file_is_not_read(site: Site) -> None:
    """SEC: who is not signed in fills no disk."""
    read = 0

    async def parts() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(100):
            read += 1
            yield b"x" * 10_000

    browser = site.browser()
    headers = {
        "sec-fetch-site": "same-origin",
        "content-type": "multipart/form-data; boundary=b",
        "content-length": "1000000",
    }
    answer = await browser.client.post("/s/tea/imports", content=parts(), headers=headers)
    assert answer.status_code == 401
    assert read <= 1


async def test_numbers_and_texts_of_no_page_of_ours_are_refused_and_no_mistake(site: Site) -> None:
    """A2, A14: too large for the store, digits of another script, JSON deeper than any event."""
    browser = await site.signed_in("owner")
    await browser.get("/s/tea/audit?before=99999999999999999999")
    assert browser.status == 422
    assert (whole("²"), whole("１"), whole("-1"), whole("9" * 30), whole("12")) == (None, None, None, None, 12)
    assert [minor(text, "EUR") for text in ("1.000", "1,5", "1e3", "1_0", "１", "nan")] == [None] * 6
    assert (minor("12.5", "EUR"), minor("12", "JPY")) == (1_250, 12)
    said = SimpleNamespace(say=lambda text, **values: text.format(**values), here="tea")
    for deep in ("[" * 200_000, '{"shop":"tea","a":' + "[" * 100_000):
        assert _wrong(said, {"topic": "orders"}, deep).startswith("This is not JSON")  # type: ignore[arg-type]


async def test_a_mistake_of_ours_is_a_page_with_the_same_headers_and_plants_no_cookie(site: Site) -> None:
    browser = await site.signed_in("owner")
    async with site.console.database.transaction() as tx:
        await tx.execute("alter table sessions rename to gone")
    answer = await browser.client.get("/account")
    assert answer.status_code == 500
    assert "This is our mistake" in answer.text
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers
