"""Every page of the console is drawn from whatever the services' documents allow them to answer."""

from __future__ import annotations

import re
from contextlib import aclosing

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from console.access.roles import PAGES
from console.app import build_app
from console.web.page import Console

from .conftest import signed_in
from .imagined import How, Imagination, ImaginedServices

IDS = {"which": "contact", "month": "2026-03", "action": "start", "topic": "price", "service": "membership"}
"""What stands in the holes of paths; other holes take `1`."""
ELSEWHERE = {
    "opt_out": "asks for a channel",
    "lift_bounce": "asks for a channel",
    "survey_form": "is looked for in a list",
    "survey_questions": "is looked for in a list",
    "one_dead": "is looked for in a list",
    "search_coupon": "asks for a code",
    "check_campaign": "is there in one state alone",
}
"""Pages that cannot be shown without more than their address, with the reason."""


@pytest.mark.parametrize("how", ["full", "bare"])
async def test_each_page_is_drawn_from_answers_as_full_and_as_empty_as_can_be(
    apps: dict[str, FastAPI], console: Console, how: How
) -> None:
    """XCT: null is never shown as `None`, and what services answer is escaped once, in both languages."""
    services = console.services
    assert isinstance(services, ImaginedServices)
    services.imagination = Imagination({name: app.openapi() for name, app in apps.items()}, how)
    app = build_app(console)
    wrong = []
    async with aclosing(await signed_in(console, app)) as client:
        for route in iter_route_contexts(app.routes):
            page = PAGES.get(str(route.name))
            if page is None or page.door != "shop" or "GET" not in (route.methods or ()) or "owner" not in page.roles:
                continue
            path = re.sub(r"\{(\w+)(?::\w+)?\}", lambda hole: IDS.get(hole[1], "1"), str(getattr(route, "path", "")))
            for language in ("en", "zh"):
                client.cookies.set("language", language)
                answer = await client.get(path.replace("/s/1/", "/s/tea/"), params={"other": "bea"})
                words = re.sub(r"<[^>]*>", " ", answer.text)
                faults = {
                    "status": answer.status_code != 200 and route.name not in ELSEWHERE,
                    "None": "None" in words,
                    "not escaped": "<b>'x'" in answer.text,
                    "escaped twice": "&amp;lt;" in answer.text or "&amp;#39;" in answer.text,
                }
                wrong += [(route.name, language, answer.status_code, what) for what, is_so in faults.items() if is_so]
    assert wrong == []
    asked = {said for said in services.unknown if "/health/ready" not in said}
    assert asked == set(), "a page asks for what no service has"
