"""What to recommend: on the page, beside the cart, in a chat, in a message; to customers, and to who is not known."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated

from fastapi import Depends, Query

from common.events.fields import Identifier, ShopName
from common.http.api import Router, Tx, require
from common.http.told import Told
from common.shops.settings import get_shops
from common.storage.database import Transaction
from segmentation.api.customers import Out, read_state
from segmentation.bought.store import get_bought
from segmentation.recommendations import store
from segmentation.recommendations.picking import LOOKED_AT, pick
from segmentation.recommendations.state import Ask, Goal, Kind, Pick, Place, RestsOn

router = Router(prefix="/v1/shops/{shop}", tags=["recommendations"], dependencies=[Depends(require("segments:read"))])
CANDIDATES = 100
"""Best sellers, and new products, that are looked at besides what the customer's purchases draw in."""
HISTORY, YEARS = 50, 3
Skus = Annotated[
    list[Annotated[Identifier, Query()]],
    Query(max_length=50, description="products in the cart, or that the chat is about; of the page that is looked at"),
]
Category = Annotated[str | None, Query(min_length=1, max_length=200, description="of this category alone")]
Limit = Annotated[int, Query(ge=1, le=50)]
Again = Annotated[bool, Query(description="what was bought before may be recommended again: to have it replenished")]


class RecommendedOut(Out):
    """`kind`: bought with `because`, bought again, new, or a best seller; `score` ranks within the answer."""

    sku: str
    category: str | None
    brand: str | None
    score: float
    kind: Kind
    because: str | None


class RecommendationsOut(Out):
    """`rests_on`: the cart, the newest orders, or rules alone, where nothing is known of the customer.

    `as_of` is the day on which the shop's products were counted, of `baskets` baskets; null before the first time.
    """

    place: Place
    rests_on: RestsOn
    as_of: date | None
    baskets: int
    items: list[RecommendedOut]


@router.get("/customers/{customer}/recommendations")
async def recommend_to_customer(
    shop: ShopName,
    customer: Told,
    tx: Tx,
    place: Place = "home",
    sku: Skus = [],  # noqa: B006 - a list in the signature makes it a repeated parameter; nothing changes it
    category: Category = None,
    goal: Goal = "any",
    again: Again = False,
    limit: Limit = 10,
) -> RecommendationsOut:
    """What the customer may like (SEG-060, 062 to 065, 070, 073): by the cart, else the newest orders, else rules.

    Who has bought before gets new products first where nothing else is known, everybody else best sellers.
    """
    await tx.stand_still()
    state, of_shop, now, _ = await read_state(tx, (shop, customer))
    today = of_shop.settings.date_of(now)
    since = today - timedelta(days=365 * YEARS)
    orders = (await get_bought(tx, shop, [customer], since, of_shop.settings.at(now).currency, HISTORY))[customer]
    history = [[line.sku for line in order.lines] for order in orders if order.lines]
    asked = _Asked(sku, history, category, goal, limit, returning=state.purchases.completed > 0, again=again)
    return await _answer(tx, shop, place, asked)


@router.get("/recommendations")
async def recommend_to_anybody(
    shop: ShopName,
    tx: Tx,
    place: Place = "home",
    sku: Skus = [],  # noqa: B006 - as above
    category: Category = None,
    goal: Goal = "any",
    limit: Limit = 10,
) -> RecommendationsOut:
    """What to show to somebody who is not known: by the cart, else what sells best (SEG-062, SEG-073)."""
    await tx.stand_still()
    await get_shops(tx, {shop})
    return await _answer(tx, shop, place, _Asked(sku, [], category, goal, limit))


class _Asked:
    """What is asked, as it came."""

    def __init__(
        self,
        skus: list[str],
        history: list[list[str]],
        category: str | None,
        goal: Goal,
        limit: int,
        *,
        returning: bool = False,
        again: bool = False,
    ) -> None:
        self.skus, self.history, self.category, self.goal, self.limit = skus, history, category, goal, limit
        self.returning, self.again = returning, again


async def _answer(tx: Transaction, shop: str, place: Place, asked: _Asked) -> RecommendationsOut:
    model = await store.get_model(tx, shop)
    began = {*asked.skus, *(sku for skus in asked.history[:LOOKED_AT] for sku in skus)}
    products = await store.get_products(tx, shop, began)
    drawn = {other for each in products.values() for other, _ in each.neighbours}
    others = await store.get_drawn(tx, shop, drawn - products.keys())
    others |= await store.list_popular(tx, shop, asked.category, CANDIDATES)
    products = others | products
    ask = Ask(
        products,
        asked.skus,
        asked.history,
        asked.returning,
        asked.category,
        asked.goal,
        asked.again,
        asked.limit,
    )
    picks, rests_on = pick(ask)
    return RecommendationsOut(
        place=place,
        rests_on=rests_on,
        as_of=model.day if model is not None else None,
        baskets=model.baskets if model is not None else 0,
        items=[_item(each) for each in picks],
    )


def _item(found: Pick) -> RecommendedOut:
    product = found.product
    return RecommendedOut(
        sku=product.sku,
        category=product.category,
        brand=product.brand,
        score=found.score,
        kind=found.kind,
        because=found.because,
    )
