"""What goes out next and what is held. On a real PostgreSQL."""

from __future__ import annotations

from typing import Any

PATH = "/v1/shops/s/messages"


async def test_what_waits_and_what_is_held_stands_in_the_order_of_its_time(messaging: Any) -> None:
    """MSG-057: the held ones with their reason; what was sent or suppressed is not among them."""
    await messaging.feed(*messaging.known(), messaging.notice("o1"))
    await messaging.decide()  # sent: not upcoming
    await messaging.feed(*(messaging.notice(f"x{n}", customer="stranger") for n in range(3)))
    async with messaging.client() as client:
        before = (await client.get(PATH)).json()
        await messaging.decide()
        held = (await client.get(PATH)).json()
        found: list[dict[str, Any]] = []
        after = ""
        while after is not None:
            page = (await client.get(PATH, params={"limit": 1, "after": after})).json()
            found += page["messages"]
            after = page["next_after"]
        elsewhere = (await client.get("/v1/shops/other/messages")).json()
        wrong = [await client.get(PATH, params={"after": text}) for text in ("x", "2025-01-01T00:00:00~a", "~")]
    assert [m["reason"] for m in before["messages"]] == [None] * 3
    assert [m["reason"] for m in held["messages"]] == ["contact_unknown"] * 3
    assert found == held["messages"], "pages hold each once"
    assert elsewhere["messages"] == []
    assert {(a.status_code, a.json()["type"]) for a in wrong} == {(422, "/problems/unknown_cursor")}
