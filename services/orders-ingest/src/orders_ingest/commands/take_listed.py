"""A page of a system's own list of orders is compared with ours; what was missed is taken as its webhook would be."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import NamedTuple

from common.shops.settings import get_shop
from common.storage.database import Database, Transaction
from orders_ingest.archive.vault import Vault
from orders_ingest.commands.take_delivery import take_delivery
from orders_ingest.reconciliation import store, store_polling
from orders_ingest.reconciliation.lists.protocol import OrderList, Page
from orders_ingest.reconciliation.rules import compared
from orders_ingest.reconciliation.state import Finding, Kind, Ours
from orders_ingest.reconciliation.store_polling import Polled
from orders_ingest.webhooks.registry import VENDORS
from orders_ingest.webhooks.state import Delivery, SentOrder, SentRefund, Shop, UnreadableDelivery

AT_ONCE = 50
"""Orders of one transaction: those that differ are taken one after the other, under the locks of their customers."""
CIRCLE = 20
"""Pages in a row without an order that was not seen before, after which the list is going in a circle."""


class _Listed(NamedTuple):
    """An order of the list as it is read; `said` None: why it cannot be is in `unreadable`."""

    delivery: Delivery
    order: SentOrder | None
    refunds: list[SentRefund]
    unreadable: str = ""


async def take_page(database: Database, vault: Vault, kind: OrderList, run: Polled, page: Page) -> None:
    """Take the page, some orders a transaction; killed in between, the page is asked for and compared again, which
    adds nothing. Where somebody else has gone on with the run, or ended it, nothing more is done."""
    fresh, waiting = False, iter(page.orders.items())
    while some := dict(islice(waiting, AT_ONCE)):
        said = await database.run(lambda tx, some=some: _take(tx, vault, kind, run, some))  # type: ignore[misc]
        if said is None:
            return
        fresh = fresh or said
    await database.run(lambda tx: _turn(tx, run, page, fresh=fresh))


async def _take(
    tx: Transaction, vault: Vault, kind: OrderList, run: Polled, orders: Mapping[str, bytes]
) -> bool | None:
    """Whether any of them was not seen before; None where the run is another's or over."""
    if not await store_polling.lock_open(tx, run):
        return None
    settings = (await get_shop(tx, run.shop)).at(tx.clock.now())
    shop = Shop(run.shop, settings.currency, settings.zone)
    read = {name: _read(kind, name, body, shop) for name, body in orders.items()}
    listed = {name: one for name, one in read.items() if one is not None}
    ours = await store.get_ours(tx, run.shop, list(listed))
    wanted = [refund.refund_id for one in listed.values() for refund in one.refunds]
    known = await store_polling.get_known_refunds(tx, run.shop, wanted) if wanted else set()
    found = {name: one for name, each in listed.items() if (one := _differs(each, ours.get(name), known)) is not None}
    findings = [await _taken(tx, vault, run, name, listed[name], *found[name]) for name in sorted(found)]
    same = listed.keys() - found.keys()
    return await store.save_page(tx, run.shop, run.run_id, list(listed), same, findings) > 0


async def _turn(tx: Transaction, run: Polled, page: Page, *, fresh: bool) -> None:
    if not await store_polling.lock_open(tx, run):
        return
    if page.next is not None and not fresh and (run.barren + 1 >= CIRCLE or page.next == run.place):
        await store_polling.stop_run(tx, run.shop, run.run_id, "the list goes in a circle: pages bring nothing new")
        return
    await store_polling.move_on(tx, run, page.next, fresh=fresh)
    if page.next is None:
        whole = await store.get_run(tx, run.shop, run.run_id)
        assert whole is not None, "it is locked"
        await store.end_run(tx, run.shop, whole)


def _read(kind: OrderList, name: str, body: bytes, shop: Shop) -> _Listed | None:
    """None of what is no order for us, such as a draft."""
    came = Delivery(f"list:{name}", kind.topic, body)
    try:
        said = VENDORS[kind.name].said(came, shop)
    except UnreadableDelivery as error:
        return _Listed(came, None, [], error.detail)
    orders = [one for one in said if isinstance(one, SentOrder)]
    return _Listed(came, orders[0], [one for one in said if isinstance(one, SentRefund)]) if orders else None


def _differs(listed: _Listed, ours: Ours | None, known: set[str]) -> tuple[Kind, str] | None:
    """The kind of difference and its words, also of a refund that we missed; None where both say the same."""
    if listed.order is None:
        return "refused", f"it cannot be read: {listed.unreadable}"
    found = compared(listed.order.order, ours)
    missed = [one.refund_id for one in listed.refunds if one.refund_id not in known]
    if not missed or (found is not None and found[0] == "missed"):
        return found
    words = f"refund {', '.join(missed)} not known here"
    return "behind", f"{found[1]}; {words}" if found is not None else words


async def _taken(
    tx: Transaction, vault: Vault, run: Polled, name: str, listed: _Listed, kind: Kind, detail: str
) -> Finding:
    if kind not in ("missed", "behind"):
        return Finding(name, kind, detail)
    outcomes = await take_delivery(tx, vault, run.shop, VENDORS[run.vendor], listed.delivery)
    refusals = [one.refusal for one in outcomes if one.refusal is not None]
    if refusals:
        return Finding(name, "refused", f"{detail}; not taken: {refusals[0].detail}")
    return Finding(name, kind, detail)
