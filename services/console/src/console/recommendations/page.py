"""A look at recommendations: to a customer or to nobody known, by cart, place and goal (SEG-060 to SEG-073)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from common.values.paths import part
from console.forms.fields import several
from console.web.guard import Guarded

router = APIRouter()
PLACES = ("home", "search", "cart", "chat", "message")
GOALS = ("any", "cross_sell", "up_sell")
Written = Annotated[str, Query(max_length=500)]


@router.get("/s/{shop}/recommendations")
async def recommendations(
    viewer: Guarded,
    customer: Written = "",
    sku: Written = "",
    category: Written = "",
    place: Written = "home",
    goal: Written = "any",
    again: Written = "",
) -> Response:
    """What the service would answer a page, a chat or a message now; nothing is shown to anybody."""
    given = {
        "customer": customer.strip(),
        "sku": sku.strip(),
        "category": category.strip(),
        "place": place if place in PLACES else "home",
        "goal": goal if goal in GOALS else "any",
        "again": again,
    }
    asked: dict[str, object] = {"place": given["place"], "goal": given["goal"], "limit": "20"}
    asked |= {"sku": several(given["sku"])[:50]} if given["sku"] else {}
    asked |= {"category": given["category"][:200]} if given["category"] else {}
    path = "/recommendations"
    if given["customer"]:
        path = f"/customers/{part(given['customer'])}/recommendations"
        asked |= {"again": "true"} if again else {}
    (found,) = await viewer.ask(viewer.of_shop("segmentation", path, **asked))
    return viewer.draw(
        "recommendations/recommendations.html", found=found, given=given, places=PLACES, goals=GOALS, part=part
    )
