"""What people do with a campaign bears their name beside what they say."""

from __future__ import annotations

from typing import Any

import pytest

from console.client import Answer

from .conftest import Site


async def test_who_stops_a_campaign_is_named_apart_from_the_reason(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """SEC-004: a name within the reason could be anybody's."""
    told = []

    async def tell(*_asked: Any, json: dict[str, Any], **_more: Any) -> Answer:
        told.append(json)
        return Answer("messaging", "ok", {})

    browser = await site.signed_in("owner", "Ann")
    monkeypatch.setattr(site.console.services, "tell", tell)
    await browser.post("/s/tea/campaigns/spring/stop", form="f1", reason="too dear (Mara)")
    await browser.post("/s/tea/campaigns/spring/pause", form="f2")
    assert told == [
        {"action": "stop", "by": "Ann", "reason": "too dear (Mara)"},
        {"action": "pause", "by": "Ann"},
    ]
