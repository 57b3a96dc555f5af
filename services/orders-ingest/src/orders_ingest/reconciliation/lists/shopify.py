"""Shopify's list: `GET /admin/api/<version>/orders.json`, the next page by the cursor of its `Link` header.

As documented at shopify.dev/docs/api/admin-rest (usage/pagination, resources/order), read in November 2026. The REST
API is "legacy" there since October 2024 and served on.
"""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import parse_qs, urlencode, urlsplit

from common.events import rfc3339
from common.values.addresses import is_private_host
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

VERSION = "2025-10"
PER_PAGE = 250
_HOST = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\.myshopify\.com")
_NEXT = re.compile(r"<([^>]+)>\s*;\s*rel=\"?\{?next\}?\"?")


class ShopifyList:
    """Sorted by the time of change: an order that changes while the list is read moves to its end and is read again."""

    name = "shopify"
    topic = "orders/updated"

    def check(self, source: Source, *, private: bool) -> Source:
        base = base_of(source.address, private=private)
        parts = urlsplit(base)
        host = parts.hostname or ""
        if parts.path or not (_HOST.fullmatch(host) or (private and is_private_host(host))):
            raise InvalidSource("The address is https://<shop>.myshopify.com.")
        if not re.fullmatch(r"[!-~]{16,200}", source.secret):
            raise InvalidSource("The secret is the Admin API access token (shpat_…) of an app that may read orders.")
        return Source(base, source.secret)

    def ask(self, source: Source, since: datetime, place: Place | None) -> Asked:
        """With a cursor nothing else may be said than the limit."""
        query: dict[str, str | int] = {"limit": PER_PAGE}
        if place is not None:
            query["page_info"] = place["page_info"]
        else:
            query |= {"status": "any", "updated_at_min": rfc3339(since), "order": "updated_at asc"}
        url = f"{source.address}/admin/api/{VERSION}/orders.json?{urlencode(query)}"
        return Asked(url, {"X-Shopify-Access-Token": source.secret})

    def read(self, answer: Answer, place: Place | None) -> Page:
        """Of the link only its cursor is taken: the next page is asked for at the address that was given."""
        found = json_of(answer)
        if not isinstance(found, dict) or "orders" not in found:
            raise UnreadablePage("the answer holds no `orders`")
        orders = {name: written(order) for name, order in orders_in(found["orders"])}
        link = _NEXT.search(answer.headers.get("link", ""))
        if link is None:
            return Page(orders, None)
        cursor = parse_qs(urlsplit(link[1]).query).get("page_info", [""])[0]
        if not cursor or len(cursor) > 2_000:
            raise UnreadablePage("the link to the next page holds no `page_info`")
        return Page(orders, {"page_info": cursor})
