"""A form sent again while the first one is under way: one command, and both are told what came of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from console.client import Answer, Ask
from console.offers.to_segment import issue_to_segment

from .conftest import Site
from .viewers import viewer_of

DONE = Answer("messaging", "ok", {})
REFUSED = Answer("messaging", "refused", detail="Nobody of that name.", slug="unknown-customer")


async def test_a_file_that_is_taken_twice_with_one_form_is_recorded_twice(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SEC-007, SEC-006: each copy of pseudonyms that leaves is in the audit."""

    async def chunks() -> AsyncIterator[bytes]:
        yield b"customer,because\n"

    async def download(*_asked: Any) -> tuple[Answer, AsyncIterator[bytes]]:
        return Answer("orders-ingest", "ok", {}), chunks()

    browser = await site.signed_in("owner")
    monkeypatch.setattr(site.console.services, "download", download)
    for _ in range(2):
        await browser.get("/s/tea/audit")
        await browser.post("/s/tea/sharing/pots/gone", form="the-same")
        assert browser.status == 200
    async with site.console.database.transaction() as tx:
        assert await tx.value("select count(*) from audit where action = 'share' and outcome = 'downloaded'") == 2


async def test_coupons_to_a_segment_are_sent_again_where_the_first_try_had_no_answer(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MEM-054: who has one of the batch gets no other, so all of it is sent again, the first page as well."""
    given, answers = list[list[str]](), [Answer("membership", "unavailable"), DONE, DONE, DONE]
    pages = {"": (["ann", "bob"], "bob"), "bob": (["cid"], None)}

    async def ask(*asked: Ask) -> list[Answer]:
        if asked[0].path.endswith("/customers"):
            customers, after = pages[asked[0].params["after"]]
            return [
                Answer("segmentation", "ok", {"customers": [{"customer": c} for c in customers], "next_after": after})
            ]
        return [Answer("segmentation", "ok", {"customers": 3})]

    async def tell(*_asked: Any, json: dict[str, Any], **_more: Any) -> Answer:
        given.append(json["customers"])
        return answers.pop(0)

    viewer = await viewer_of(site, await site.signed_in("owner"))
    monkeypatch.setattr(site.console.services, "ask", ask)
    monkeypatch.setattr(site.console.services, "tell", tell)
    body = {"segment": "buyers", "batch": "b"}
    assert await issue_to_segment(viewer, "ten", "f1", dict(body)) is not None
    assert await issue_to_segment(viewer, "ten", "f1", dict(body)) is None
    assert given == [["ann", "bob"], ["ann", "bob"], ["cid"]]


@pytest.mark.parametrize(("outcome", "status", "told"), [(DONE, 303, "opted-out"), (REFUSED, 422, "Nobody of that")])
async def test_two_quick_clicks_are_one_command_and_have_one_answer(
    site: Site, monkeypatch: pytest.MonkeyPatch, outcome: Answer, status: int, told: str
) -> None:
    """What the second click leads to is drawn when the command has been carried out, and a refusal is not lost."""
    asked, begun, joined, release = list[str](), asyncio.Event(), asyncio.Event(), asyncio.Event()

    class Noted(dict[Any, Any]):
        """Says when somebody found the command under way."""

        def get(self, key: Any, default: Any = None) -> Any:
            if key in self:
                joined.set()
            return super().get(key, default)

    async def tell(_service: str, _method: str, path: str, **_more: Any) -> Answer:
        asked.append(path)
        begun.set()
        await release.wait()
        return outcome

    browser = await site.signed_in("agent")
    page = await browser.get("/s/tea/customers/ann/opt-out?channel=email")
    names = {name: re.findall(rf'name="{name}" value="([^"]+)"', page)[0] for name in ("token", "form")}
    monkeypatch.setattr(site.console.services, "tell", tell)
    site.console.under_way = Noted()

    async def click() -> tuple[int, str]:
        answer = await browser.client.post(
            "/s/tea/customers/ann/opt-out",
            data={**names, "channel": "email", "via": "by phone"},
            headers={"sec-fetch-site": "same-origin"},
        )
        return answer.status_code, answer.headers.get("location", "") + answer.text

    first = asyncio.create_task(click())
    await begun.wait()
    second = asyncio.create_task(click())
    await joined.wait()
    release.set()
    for code, text in (await first, await second):
        assert code == status
        assert told in text
    assert asked == ["/v1/shops/tea/opt-outs"]
    assert [said for action, _, said in await site.entries() if action == "opt_out"] == [
        *("asked", outcome.slug or outcome.state)
    ]
    assert site.console.under_way == {}
    if outcome.ok:
        code, text = await click()
        assert (code, "sent-already" in text, len(asked)) == (303, True, 1)
