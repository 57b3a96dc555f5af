"""WooCommerce's list: `GET /wp-json/wc/v3/orders`, by the time of creation.

As documented at woocommerce.github.io/woocommerce-rest-api-docs (List all orders, Pagination, Authentication), read in
November 2026. Pages by number would skip orders when one before them leaves the list, as one that is put into the bin
does: the next page is asked for by the time of creation of the last one, and begins with the orders of that second.
"""

from __future__ import annotations

import base64
import re
from datetime import datetime, timedelta
from urllib.parse import urlencode

from orders_ingest.reconciliation.lists.protocol import (
    Answer,
    Asked,
    InvalidSource,
    Page,
    Place,
    Source,
    UnreadablePage,
    base_of,
    json_of,
    orders_in,
    written,
)

PER_PAGE = 100
_SECOND = timedelta(seconds=1)


class WooCommerceList:
    """The secret is consumer key and consumer secret, with a colon between."""

    name = "woocommerce"
    topic = "order.updated"

    def check(self, source: Source, *, private: bool) -> Source:
        base = base_of(source.address, private=private)
        if not re.fullmatch(r"ck_[!-9;-~]{8,100}:cs_[!-~]{8,100}", source.secret):
            raise InvalidSource("The secret is consumer key and consumer secret of the REST API: ck_…:cs_….")
        return Source(base.removesuffix("/wp-json/wc/v3/orders"), source.secret)

    def ask(self, source: Source, since: datetime, place: Place | None) -> Asked:
        query: dict[str, str | int] = {
            "per_page": PER_PAGE,
            "orderby": "date",
            "order": "asc",
            "status": "any",
            "dates_are_gmt": "true",
            # "after" is later than: a second earlier.
            "modified_after": _written(since - _SECOND),
        }
        if place is not None:
            query |= {"after": place["after"], "page": place["page"]}
        credentials = base64.b64encode(source.secret.encode()).decode()
        url = f"{source.address}/wp-json/wc/v3/orders?{urlencode(query)}"
        return Asked(url, {"Authorization": f"Basic {credentials}"})

    def read(self, answer: Answer, place: Place | None) -> Page:
        found = orders_in(json_of(answer))
        orders = {name: written(order) for name, order in found}
        number = place["page"] if place is not None else 1
        if _is_last(answer, number, len(found)):
            return Page(orders, None)
        after = _written(_before(found[-1][1]))
        before = place["after"] if place is not None else ""
        if after <= before:  # all of one second: the next page of it by number
            return Page(orders, {"after": before, "page": number + 1})
        return Page(orders, {"after": after, "page": 1})


def _is_last(answer: Answer, number: int, found: int) -> bool:
    """By the header that says how many pages there are; a shop may let fewer orders stand on one than are asked for."""
    pages = answer.headers.get("x-wp-totalpages", "")
    if pages.isdecimal() and len(pages) < 10:
        return not found or number >= int(pages)
    return found < PER_PAGE


def _before(order: dict[str, object]) -> datetime:
    """The second before it was placed. Raises UnreadablePage."""
    said = order.get("date_created_gmt")
    try:
        return datetime.fromisoformat(str(said)).replace(tzinfo=None) - _SECOND
    except (ValueError, OverflowError):
        raise UnreadablePage("an order has no `date_created_gmt`") from None


def _written(at: datetime) -> str:
    return at.replace(tzinfo=None).isoformat(timespec="seconds")
