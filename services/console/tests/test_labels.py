"""What customers are called among ourselves is for who plans (SEC-009)."""

from __future__ import annotations

from typing import Any

import pytest

from console.access.roles import PLANNERS, ROLES, Role
from console.web.tags import is_note
from segmentation.needs.rules import NOTES

from .answering import Answering
from .conftest import Site

ANN = "/customers/ann"
BODIES: dict[str, Any] = {
    f"{ANN}/traits": {
        **{"frequency": "often", "consumption": "high", "orders_in_year": 9, "spent_in_year": 90_000},
        **{"currency": "CNY", "mean_order": None, "loyalty_grade": 4, "power_grade": None},
        **{"milestone": {"reached": 9, "care": "none"}, "intervals": None, "marks": None},
        **{"hours": {"habit": None, "weekend_percent": None}, "promotion_percent": None, "silent_percent": None},
        **{"behaviour": [{"tag": "bargaining", "why": "asks for less"}], "categories": [], "brands": [], "shifts": []},
        **{"as_of": "2025-03-04", "profile": None, "call": {"wanted": True, "missing": []}},
    },
    f"{ANN}/rfm/movements": {"movements": []},
    f"{ANN}/tags": {
        "tags": [
            {"tag": tag, "source": "staff", "since": "2025-03-04T10:00:00Z"}
            for tag in ("ring before noon", "goal: lose weight")
        ]
    },
    "/tags": {"tags": [{"tag": tag, "customers": 1} for tag in ("ring before noon", "Need : less sugar")]},
    f"{ANN}/buyer-type": {
        **{"primary": "greedy", "confidence": "high", "secondary": [], "strategy": [], "scores": []},
    },
    f"{ANN}/tribe": {"tribe": "moonlight", "confidence": "high", "evidence": [], "strategy": []},
    f"{ANN}/needs": {
        **{"needs": [], "level": {"level": None, "confidence": "low", "evidence": []}},
        "notes": [{"kind": "goal", "text": "lose weight", "source": "staff", "on": "2025-03-04"}],
    },
    f"{ANN}/segments": {
        "stays": [
            {"segment": "grabbers", "entered_at": "2025-03-04T10:00:00Z", "left_at": None, "entered_why": "greedy: 90"}
        ]
    },
}
LABELS = ("reedy", "goal", "lose weight", "less sugar", "grabbers", "Buyer type", "How they live", "bargains")


@pytest.mark.parametrize("role", ROLES)
async def test_only_who_plans_sees_type_tribe_needs_notes_and_segments_of_a_customer(site: Site, role: Role) -> None:
    """SEC-009: the page of the others has no such part, and asks for none; agents see how to treat the customer."""
    site.console.services = services = Answering(BODIES)
    browser = await site.signed_in(role)
    page = await browser.get("/s/tea/customers/ann/profile?wait=1")
    assert browser.status == 200
    assert "Habits and tastes" in page
    assert {label: label in page for label in LABELS} == dict.fromkeys(LABELS, role in PLANNERS)
    assert ("ring before noon" in page) == (role in {*PLANNERS, "agent"})
    asked = {
        path for path in BODIES if path.endswith(("/buyer-type", "/tribe", "/needs", "/segments"))
    } & services.asked
    assert bool(asked) == (role in PLANNERS)


@pytest.mark.parametrize("role", ROLES)
async def test_only_who_plans_opens_the_lists_of_customers_by_what_they_are_called(site: Site, role: Role) -> None:
    """SEC-009: all of a type, a tag or a segment; the numbers of each are everybody's, without a way to the list."""
    site.console.services = Answering(
        {"/buyer-types": {"under_way": False, "types": [{"type": "greedy", "customers": 7, "strategy": []}]}}
    )
    browser = await site.signed_in(role)
    for path in ("buyer-types/greedy", "segments/grabbers/customers", "tags", "tags/greedy"):
        await browser.get(f"/s/tea/{path}")
        assert (browser.status == 403) == (role not in PLANNERS), path
    page = await browser.get("/s/tea/leaving?wait=1")
    assert ("/buyer-types/greedy" in page, ">7<" in page.replace(" ", "")) == (role in PLANNERS, True)


BOUGHT = {"buyers": 1, "orders": 1, "net": 900, "per_buyer": 900, "per_order": 900}
SEGMENT = {
    "/settings": {"current": {"zone": "UTC", "currency": "CNY"}},
    "/segments/grabbers": {
        **{"name": "Grabbers", "archived": False, "in_english": "all", "in_chinese": "", "compared": True},
        **{"customers": 1, "expression": "orders > 0", "versions": []},
    },
    "/segments/grabbers/sheet": {
        **{"percent_of_shop": 1.0, "answers": {"stays": 0}, "bought": BOUGHT, "others_bought": BOUGHT, "traits": []},
        **{"tags": BODIES["/tags"]["tags"], "as_of": "2025-03-04T10:00:00Z"},
    },
}


@pytest.mark.parametrize("role", ROLES)
async def test_only_who_plans_sees_notes_among_the_tags_of_a_segment(site: Site, role: Role) -> None:
    """SEC-009: of a segment of one they are a customer's."""
    site.console.services = Answering(SEGMENT)
    browser = await site.signed_in(role)
    page = await browser.get("/s/tea/segments/grabbers?wait=1")
    assert "ring before noon 1" in page
    assert ("less sugar" in page) == (role in PLANNERS)


@pytest.mark.parametrize(
    ("tag", "note"),
    [("goal: x", True), (" Need : x", True), ("state:", False), ("goal", False), ("ring: before noon", False)],
)
def test_a_note_is_told_from_other_tags_as_segmentation_tells_it(tag: str, note: bool) -> None:
    assert is_note(tag) == note
    assert all(is_note(f"{kind}: x") for kind in NOTES)
