"""Upserts of products as they stand: announced only where something is new compared with what is stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common.events import fact_id, rfc3339
from common.events.catalogue import ProductChanged, ProductFields
from common.storage.database import Transaction
from orders_ingest.archive.vault import Vault
from orders_ingest.catalogue import store
from orders_ingest.commands.take_events import take_events
from orders_ingest.identity.store import hold
from orders_ingest.intake.checks import check
from orders_ingest.intake.state import Offered, Outcome
from orders_ingest.versions.rules import by_time


async def put_products(tx: Transaction, vault: Vault, shop: str, sent: Mapping[str, ProductFields]) -> list[Outcome]:
    """One outcome a product, by SKU: accepted when anything is new, duplicate when nothing is, or why it is refused.

    What changed, changed, as far as anybody knows, when it is read.
    """
    await hold(tx, [shop])
    names = [(shop, sku) for sku in sent]
    await store.lock_products(tx, names)
    known = await store.get_products(tx, names)
    revisions = await store.get_revisions(tx, names)
    now, offered, mine = tx.clock.now(), list[Offered](), list[Outcome | int]()
    for sku, fields in sent.items():
        name = (shop, sku)
        if known.get(name) == fields:
            mine.append(Outcome(sku, "duplicate"))
            continue
        event = _event(shop, sku, fields, rfc3339(now), max(by_time(now), revisions.get(name, 0) + 1))
        checked = check(event, shop, now, original=event["id"].encode())
        if isinstance(checked, Outcome):
            mine.append(Outcome(sku, "refused", checked.refusal))
            continue
        mine.append(len(offered))
        offered.append(checked)
    taken = await take_events(tx, vault, offered) if offered else []
    return [
        each if isinstance(each, Outcome) else Outcome(sku, taken[each].status, taken[each].refusal)
        for sku, each in zip(sent, mine, strict=True)
    ]


def _event(shop: str, sku: str, fields: ProductFields, at: str, revision: int) -> dict[str, Any]:
    """product.changed, whose id is made of its revision: two accepted versions never share one."""
    return {
        "id": fact_id(f"{sku}@{revision}", ProductChanged.TYPE, shop, "", 0),
        "source": f"/shops/{shop}/orders-ingest",
        "shop": shop,
        "type": ProductChanged.TYPE,
        "time": at,
        "data": {"sku": sku, "revision": revision, **fields.model_dump(mode="json", exclude_none=True)},
    }
