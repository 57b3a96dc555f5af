"""Badges over HTTP: a signed snippet for a shop page, and the picture behind its address (MEM-024)."""

from __future__ import annotations

import html
from datetime import UTC, datetime

from fastapi import Request
from fastapi.responses import Response
from pydantic import BaseModel

from common.crypto.sealing import derived_key
from common.events.fields import ShopName
from common.http.api import Router, Tx, public, require
from common.http.people import Person
from common.refusals import NotFound
from common.values.links import link
from membership.api.members import member_now
from membership.badges.token import PURPOSE, Badge, InvalidBadge, read, sign, until
from membership.benefits.rules import quota_on
from membership.benefits.state import Benefits
from membership.programme.programme import ONE
from membership.tiers.state import Tiers

router = Router(tags=["badges"])
_ANYBODY = public("the signed address shows a tier's name and privileges for a day, and names no customer")
_SVG = """<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="28" role="img" aria-label="{text}">\
<title>{text}</title><rect width="{width}" height="28" rx="14" fill="#1f2937"/>\
<text x="14" y="19" font-family="sans-serif" font-size="13" fill="#fff">{text}</text></svg>"""


class BadgeOut(BaseModel):
    """`html`: an image for a shop page, which works until `valid_until` and shows what is said in `text`."""

    text: str
    url: str
    html: str
    valid_until: datetime


class BadBadge(NotFound):
    def __init__(self) -> None:
        super().__init__("bad_badge", "This badge was changed or is older than a day: ask for a new one.")


def text_of(badge: Badge) -> str:
    """Tier, price, free shipping left: `VIP · 95 % · free shipping 1`."""
    share = f"{badge.price / ONE:.2%}".replace(".00%", "%").replace("%", " %")
    parts = [badge.tier, share if badge.price < ONE else None]
    parts.append(f"free shipping {badge.free_shipping}" if badge.free_shipping is not None else None)
    return " · ".join(part for part in parts if part)


@router.get("/v1/shops/{shop}/members/{customer}/badge", dependencies=[require("members:read")])
async def get_badge(shop: ShopName, customer: Person, request: Request, tx: Tx) -> BadgeOut:
    """The member's badge as of now: the shop's own page puts the snippet where the customer is greeted."""
    member, rules, now = await member_now(tx, (shop, customer))
    tiers, runtime = Tiers.of(member), request.app.state.runtime
    tier = rules.at(now).tier(tiers.standing.tier)
    benefit, left = tier.benefit("free_shipping"), None
    if benefit is not None and tiers.enrolled is not None:
        left = quota_on(benefit, Benefits.of(member), rules.date_of(now), rules.date_of(tiers.enrolled)).remaining
    badge = Badge(shop, tier.name, tier.price, left, until(now))
    token = sign(derived_key(runtime.master, PURPOSE), badge)
    url = f"{str(runtime.settings.public_url).rstrip('/')}/badges/{token}"
    text = text_of(badge)
    return BadgeOut(
        text=text,
        url=url,
        html=f'<img src="{html.escape(url)}" alt="{html.escape(text)}" height="28">',
        valid_until=datetime.fromtimestamp(badge.until, UTC),
    )


@router.get(
    link("badges"),
    response_class=Response,
    include_in_schema=False,  # a browser asks for it by an address that it was given; no client is generated for it
    dependencies=[_ANYBODY],
)
async def show_badge(token: str, request: Request) -> Response:
    """The picture of a badge; a changed or old one is refused."""
    runtime = request.app.state.runtime
    try:
        badge = read(derived_key(runtime.master, PURPOSE), token, runtime.clock.now())
    except InvalidBadge:
        raise BadBadge from None
    text = text_of(badge)
    # Wide letters (Chinese) take twice the room.
    width = 28 + sum(13 if ord(letter) > 0x2E80 else 8 for letter in text)
    return Response(
        _SVG.format(width=width, text=html.escape(text)),
        media_type="image/svg+xml",
        headers={
            "cache-control": "private, max-age=300",
            "content-security-policy": "default-src 'none'",
            "x-content-type-options": "nosniff",
        },
    )
