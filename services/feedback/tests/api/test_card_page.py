"""A parcel's card, scanned: a filled-in ticket about its order, with a photo, on a real PostgreSQL (FBK-037)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from feedback.cards.links import BadCard, Card, CardLinks

from ..conftest import MASTER, PUBLIC_URL, Feedback, completed
from ..photos.test_rules import encoded, scene
from .test_photos import folder  # noqa: F401  # a fixture
from .ticketing import TICKETS


def test_a_link_opens_its_card_and_no_other_and_shows_nothing_of_it() -> None:
    links, card = CardLinks(MASTER, PUBLIC_URL), Card("s", "ann-of-tea", "1001")
    token = links.url(card).rpartition("/")[2]
    assert links.read(token) == card
    assert b"ann-of-tea" not in token.encode()
    for bad in (token[:-4], token[4:] + token[:4], "", "é", "x" * 5_000):
        with pytest.raises(BadCard):
            links.read(bad)
    with pytest.raises(BadCard):
        CardLinks(bytes(32), PUBLIC_URL).read(token)


async def test_a_scanned_card_opens_a_ticket_about_its_order_once(feedback: Feedback, folder: Path) -> None:  # noqa: F811
    await feedback.issue_key()
    await feedback.handle(completed("o1"))
    path = "/v1/shops/s/service-cards"
    assert (await feedback.client.post(path, json={"customer": "ann", "order_id": "o2"})).status_code == 404
    made = (await feedback.client.post(path, json={"customer": "ann", "order_id": "o1"})).json()
    assert made["qr_code"].startswith("<svg")
    page = urlsplit(made["address"]).path
    shown = await feedback.client.get(page, headers={"accept-language": "zh-CN"})
    found = [words in shown.text for words in ("订单", "o1", "<script")]
    assert (shown.status_code, found) == (200, [True, True, False])
    sent = {"kind": "return", "text": "<b>broken</b>"}
    photo = {"photo": ("me.exe", encoded(scene(1)), "application/x-msdownload")}
    for _ in range(2):
        answer = await feedback.client.post(page, data=sent, files=photo)
        assert (answer.status_code, "Thank you" in answer.text) == (200, True), answer.text
    [ticket] = (await feedback.client.get(TICKETS)).json()["items"]
    told = (ticket["kind"], ticket["source"], ticket["order_id"], ticket["text"], len(ticket["photos"]))
    assert told == ("return", "card", "o1", "<b>broken</b>", 1)
    got = await feedback.client.get(f"/v1/shops/s/customers/ann/photos/{ticket['photos'][0]}")
    assert got.content == photo["photo"][1]
    wrongs = ({"kind": "return"}, {"kind": "other", "text": "x"}, {"kind": "return", "text": "x" * 2_001})
    for wrong in (*wrongs, {"kind": "return", "text": "\u200b" * 5}):
        answer = await feedback.client.post(page, data=wrong)
        assert (answer.status_code, "Please choose" in answer.text) == (422, True)
    bad = await feedback.client.post(page, data=sent, files={"photo": ("p.jpg", b"<script>alert(1)</script>")})
    assert (bad.status_code, "no photo" in bad.text, "&lt;b&gt;broken" in bad.text) == (422, True, True)
    assert (await feedback.client.get("/c/none")).status_code == 404
    assert len((await feedback.client.get(TICKETS)).json()["items"]) == 1
    # Another kind than that of the open ticket is a matter of its own; the same kind is added to.
    for kind, text in (("quality", "The lid is broken"), ("return", "And I want to return it")):
        assert (await feedback.client.post(page, data={"kind": kind, "text": text})).status_code == 200
    kinds = sorted(one["kind"] for one in (await feedback.client.get(TICKETS)).json()["items"])
    assert kinds == ["quality", "return"]
    # Resolved, and broken once more: the same words are said anew, once.
    [quality] = [one for one in (await feedback.client.get(TICKETS)).json()["items"] if one["kind"] == "quality"]
    resolved = {"entry_id": "r1", "action": "resolve", "by": "li", "outcome": "solved"}
    answer = await feedback.client.post(f"{TICKETS}/{quality['ticket_id']}/entries", json=resolved)
    assert answer.status_code == 201, answer.text
    again = {"kind": "quality", "text": "The lid is broken"}
    for later, tickets in ((0, 1), (1, 2), (0, 2)):  # the open ones
        feedback.clock.set(feedback.clock.now() + timedelta(days=later))
        assert (await feedback.client.post(page, data=again)).status_code == 200
        assert len((await feedback.client.get(TICKETS)).json()["items"]) == tickets
    thanked = await feedback.client.post(page, data={"kind": "suggestion", "text": "A larger cup"})
    assert "Thank you for your suggestion" in thanked.text, "FBK-009: at once, by the policy's words"
    shown = (await feedback.client.get(TICKETS, params={"customer": "ann"})).json()["items"]
    [made] = [one for one in shown if one["kind"] == "suggestion"]
    assert (made["pauses_marketing"], made["acknowledged"] in thanked.text) == (False, True)
    assert await feedback.verify() == []
