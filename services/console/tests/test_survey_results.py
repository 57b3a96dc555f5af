"""The results of a survey say where people are left out."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from .conftest import Site

AT = "2025-03-04T02:00:00Z"
RATED: dict[str, Any] = {
    **{"form_id": "agent_rating", "title": {"en": "Our people"}, "since": AT, "until": AT, "asked": 3, "responded": 2},
    **{"nps": None, "small_sample": False, "questions": [], "agents_left_out": False},
    "agents": [{"agent": "li", "scores": {"count": 2, "hundredths": 450}}],
}


@pytest.mark.parametrize("left_out", [False, True])
async def test_fbk_010_of_more_agents_than_are_shown_it_is_said(site: Site, left_out: bool) -> None:
    def feedback(request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/survey-results/agent_rating"):
            return httpx.Response(503)
        return httpx.Response(200, json=RATED | {"agents_left_out": left_out})

    await site.console.services.close()
    site.console.services._client = httpx.AsyncClient(transport=httpx.MockTransport(feedback))
    page = await (await site.signed_in("owner")).get("/s/tea/survey-results/agent_rating")
    assert "4.50" in page
    assert ("The 1 who were rated most often are shown; there are more." in page) == left_out
