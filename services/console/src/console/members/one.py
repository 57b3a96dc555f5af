"""What a member was invited to, brought, given and granted: the programme's side of one customer."""

from __future__ import annotations

from fastapi import APIRouter, Response

from common.values.paths import part
from console.web.guard import Guarded, NotHere

router = APIRouter()


@router.get("/s/{shop}/customers/{customer}/club")
async def club(viewer: Guarded, customer: str) -> Response:
    """Referrals both ways, activities, surprises, tiers by hand."""
    here = part(customer)
    referrals, activities, surprises, grants = await viewer.ask(
        viewer.of_shop("membership", f"/members/{here}/referrals"),
        viewer.of_shop("membership", f"/members/{here}/activities"),
        viewer.of_shop("membership", f"/members/{here}/surprises"),
        viewer.of_shop("membership", f"/members/{here}/tier-grants"),
    )
    if grants.state == "unknown":
        raise NotHere
    return viewer.draw(
        "members/one.html",
        customer=customer,
        here=here,
        part=part,
        referrals=referrals,
        activities=activities,
        surprises=surprises,
        grants=grants,
    )
