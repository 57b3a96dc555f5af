"""A claim's photos beside those they resemble: shown after a recorded look, as pictures alone, through us."""

from __future__ import annotations

from typing import Any

import httpx

from .conftest import Site

AT = "2025-03-04T02:00:00Z"
PNG = b"\x89PNG of ann"
SEEN = {"ticket_id": "t-0", "customer": "bob", "photo": "b/1", "kept": True, "same": False, "opened_at": AT}
PHOTOS = [
    {"photo": "p 1", "kept": True, "seen": [SEEN]},
    {"photo": "https://photos.example.test/1.jpg", "kept": False, "seen": []},
    {"photo": "odd", "kept": True, "seen": []},
]
TICKET: dict[str, Any] = {
    **dict.fromkeys(("owner", "order_id", "text", "answered_at", "promise", "outcome", "rating", "compensation")),
    **{"ticket_id": "t-1", "customer": "ann", "kind": "quality", "state": "open", "priority": "normal", "revision": 1},
    **{"opened_at": AT, "respond_by": AT, "resolve_by": AT, "pauses_marketing": False, "overdue": [], "checklist": []},
    **{"entries": [], "articles": [], "photos": [one["photo"] for one in PHOTOS], "sku": None, "reason": None},
}

CONTENT: dict[str, Any] = {
    **dict.fromkeys(
        ("title", "link", "text", "order_id", "sku", "source", "grade", "decided_at", "decided_by", "reason", "reward")
    ),
    **{"content_id": "show-1", "customer": "ann", "kind": "buyer_show", "state": "submitted", "submitted_at": AT},
    **{
        "as_buyer": False,
        "of_leader": False,
        "featured": False,
        "photos": ["p 1", "https://photos.example.test/1.jpg"],
        "no_reward": None,
        "proposed": None,
    },
}


def feedback(request: httpx.Request) -> httpx.Response:
    """What feedback answers; everything else is away."""
    pictures = {"ann/photos/p%201": ("image/png", PNG), "bob/photos/b%2F1": ("image/jpeg; x=1", b"of bob")}
    pictures["ann/photos/odd"] = ("text/html", b"<script>")
    path = request.url.raw_path.decode().removeprefix("/v1/shops/tea/")
    if path == "tickets/t-1":
        return httpx.Response(200, json=TICKET)
    if path == "ugc/show-1":
        return httpx.Response(200, json=CONTENT)
    if path == "tickets/t-1/photos":
        return httpx.Response(200, json={"customer": "ann", "photos": PHOTOS})
    if path.removeprefix("customers/") in pictures:
        kind, body = pictures[path.removeprefix("customers/")]
        return httpx.Response(200, content=body, headers={"content-type": kind})
    return httpx.Response(503)


async def test_fbk_040_photos_are_shown_side_by_side_after_a_look_that_is_recorded(site: Site) -> None:
    await site.console.services.close()
    site.console.services._client = httpx.AsyncClient(transport=httpx.MockTransport(feedback))
    browser, here = await site.signed_in("agent"), "/s/tea/tickets/t-1"
    page = await browser.get(here)
    assert "near copy" in page, "which ticket it resembles is no secret"
    assert "<img" not in page
    assert "photos.example.test" not in page
    await browser.get(f"{here}/photos/0")
    assert browser.status == 404, "not before the look"
    await browser.get(here)
    page = await browser.post(f"{here}/photos")
    for address in (f"{here}/photos/0", f"{here}/photos/0/seen/0"):
        assert f'<img src="{address}"' in page
    assert [line for line in page.splitlines() if "<img" in line and "example.test" in line] == [], "no other host"
    assert [entry for entry in await site.entries() if entry[0] == "show_photos"] == [
        ("show_photos", "tickets/t-1/photos", "shown"),
        ("show_photos", "customers/bob/photos", "shown"),
    ]
    for path, kind, body in ((0, "image/png", PNG.decode("latin-1")), ("0/seen/0", "image/jpeg", "of bob")):
        answer = await browser.client.get(f"{here}/photos/{path}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
        assert answer.content.decode("latin-1") == body
        assert answer.headers["cache-control"] == "private, no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
    for path in ("1", "2", "3", "0/seen/1", "x"):
        answer = await browser.client.get(f"{here}/photos/{path}")
        assert answer.status_code in (404, 422), f"{path}: not kept, no picture, or not there"
        assert answer.headers["content-type"].startswith("text/html"), "a page of ours that says so"
        assert "<script>" not in answer.text


async def test_fbk_044_a_kept_photo_of_content_is_shown_after_a_look_that_is_recorded(site: Site) -> None:
    await site.console.services.close()
    site.console.services._client = httpx.AsyncClient(transport=httpx.MockTransport(feedback))
    browser, here = await site.signed_in("marketer"), "/s/tea/content/show-1"
    assert "<img" not in await browser.get(here)
    assert (await browser.client.get(f"{here}/photos/0")).status_code == 404, "not before the look"
    page = await browser.post(f"{here}/show")
    assert f'<img src="{here}/photos/0"' in page
    assert f'<img src="{here}/photos/1"' not in page, "another host's is a link"
    answer = await browser.client.get(f"{here}/photos/0")
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, PNG, "image/png")
    assert {(await browser.client.get(f"{here}/photos/{n}")).status_code for n in (1, 2)} <= {404, 503}
    assert [entry[:2] for entry in await site.entries() if entry[0] == "show_content"] == [
        ("show_content", "ugc/show-1")
    ]
