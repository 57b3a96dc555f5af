"""Every page of the console is drawn from whatever the services' documents allow them to answer."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import aclosing
from datetime import date
from functools import partial
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from console.access.roles import PAGES
from console.app import build_app
from console.reports.advice import advice
from console.reports.gathering import Gathering
from console.reports.making import Reports
from console.reports.periods import Kind, period_of
from console.reports.sections import sections
from console.reports.spreadsheet import as_csv
from console.texts import LANGUAGES, translated
from console.web.page import Console
from membership.api.payouts import PaidIn
from membership.api.referrals import ReferralDecisionIn
from membership.api.tier_grants import TierGrantIn
from messaging.api.calls import CallClaimIn, CallOutcomeIn

from .conftest import signed_in
from .imagined import How, Imagination, ImaginedServices

IDS = {
    "which": "contact",
    "month": "2026-03",
    "action": "start",
    "topic": "price",
    "buyer_type": "habitual",
    "service": "membership",
    "kind": "risk",
    "period": "week",
    "since": "2026-03-02",
}
"""What stands in the holes of paths; other holes take `1`."""
ELSEWHERE = {
    "opt_out": "asks for a channel",
    "lift_bounce": "asks for a channel",
    "survey_form": "is looked for in a list",
    "survey_questions": "is looked for in a list",
    "one_dead": "is looked for in a list",
    "search_coupon": "asks for a code",
    "check_campaign": "is there in one state alone",
    "check_withdrawal": "is looked for in a list",
    "ticket_photo": "is a picture, shown after a look",
    "content_photo": "is a picture, shown after a look",
    "seen_photo": "is a picture, shown after a look",
    "paperwork": "leads on to its first kind",
    "one_paper": "is kept by the console itself",
    "one_report": "is kept by the console itself",
    "report_csv": "is kept by the console itself",
    "report_pdf": "is kept by the console itself",
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


class Numbers(Imagination):
    """Texts without a form are numbers: of a decimal that is answered the schema says that it is a text alone."""

    def _text(self, schema: Mapping[str, Any], name: str) -> str:
        found = super()._text(schema, name)
        return "12.50" if "<b>" in found else found


@pytest.mark.parametrize("how", ["full", "bare"])
@pytest.mark.parametrize("kind", ["week", "year"])
async def test_a_report_is_made_of_answers_as_full_and_as_empty_as_can_be(
    apps: dict[str, FastAPI], console: Console, kind: Kind, how: How
) -> None:
    """ANA-044, ANA-048: every question has a route, and each table stands in both languages."""
    services = console.services
    assert isinstance(services, ImaginedServices)
    services.imagination = Numbers({name: app.openapi() for name, app in apps.items()}, how)
    document = await Gathering("tea", period_of(kind, date(2025, 3, 4)), Reports(console)._ask).complete(None)
    assert (document["missing"], services.unknown) == ({}, [])
    for language in LANGUAGES:
        shown = sections(json.loads(json.dumps(document)), partial(translated, language))
        cells = [cell for each in shown for row in each.rows for cell in row]
        assert [cell for cell in cells if "None" in f"{cell.shown} {cell.raw}"] == []
        assert {each.name for each in shown} >= {"figures", "owed", "running"}
        assert as_csv("tea", shown, "CNY")
    advice(document)


async def test_a_call_is_masked_until_it_is_taken_and_what_came_of_it_is_told(
    apps: dict[str, FastAPI], console: Console
) -> None:
    """MSG-021, MSG-022: number and script are a look that is recorded; the service reads what the form sends."""
    services = console.services
    assert isinstance(services, ImaginedServices)
    services.imagination = Imagination({name: app.openapi() for name, app in apps.items()}, "full")
    app = build_app(console)
    async with aclosing(await signed_in(console, app)) as client:

        async def send(path: str, **fields: str) -> int:
            token = re.search(r'name="token" value="([^"]+)"', (await client.get("/s/tea/calls/m-1")).text)
            assert token is not None
            data = {"token": token[1], "form": path, **fields}
            answer = await client.post(f"/s/tea/{path}", data=data, headers={"sec-fetch-site": "same-origin"})
            return answer.status_code

        assert "What to say" not in (await client.get("/s/tea/calls/m-1")).text
        assert await send("calls/m-1/claim") == 303
        assert "What to say" in (await client.get("/s/tea/calls/m-1")).text
        assert "What to say" not in (await client.get("/s/tea/calls/m-2")).text
        assert await send("calls/m-1/outcome", outcome="sang", note="x") == 422
        assert await send("calls/m-1/outcome", outcome="no_answer", note="rang", again_at="2025-03-05T10:00") == 303
        assert await send("referrals/r-1", decision="refuse") == 303
        assert await send("payouts/p-1/paid", reference=" ") == 422
        assert await send("payouts/p-1/paid", reference="AL-7") == 303
        assert await send("tier-grants", customer="ann", tier="gold", reason="a friend", command="c") == 303
    told = {path: json for method, path, json in services.told if method == "POST"}
    base = "/v1/shops/tea"
    outcome = CallOutcomeIn.model_validate(told[f"{base}/call-tasks/m-1/outcome"])
    assert (outcome.by, outcome.outcome, outcome.note) == ("Olga", "no_answer", "rang")
    assert CallClaimIn.model_validate(told[f"{base}/call-tasks/m-1/claim"]).by == "Olga"
    assert ReferralDecisionIn.model_validate(told[f"{base}/referrals/r-1/refuse"]).by == "Olga"
    assert TierGrantIn.model_validate(told[f"{base}/members/ann/tier-grants"]).command_id == "console-c"
    assert PaidIn.model_validate(told[f"{base}/payouts/p-1/paid"]).reference == "AL-7"
