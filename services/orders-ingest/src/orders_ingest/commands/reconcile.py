"""A page of a shop's own list of orders is compared with ours, and what was missed is taken, once (L5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from common.refusals import Conflict, NotFound
from common.storage.database import Transaction
from orders_ingest.archive.vault import Vault
from orders_ingest.commands.take_events import take_events
from orders_ingest.intake.checks import ORDER_TIMES, check, refused_time
from orders_ingest.intake.state import Offered, Outcome
from orders_ingest.orders.implied import implied_events
from orders_ingest.reconciliation import store
from orders_ingest.reconciliation.rules import compared
from orders_ingest.reconciliation.state import Finding, Kind, Ours, Run


class UnknownRun(NotFound):
    """Nobody has begun a comparison of that id."""

    def __init__(self, run_id: str) -> None:
        super().__init__("unknown_reconciliation", f"There is no reconciliation {run_id!r}: POST …/reconciliations.")


class RunEnded(Conflict):
    """The comparison is over."""

    def __init__(self, run_id: str) -> None:
        super().__init__("reconciliation_ended", f"Reconciliation {run_id!r} has ended: begin another one.")


class RunPolled(Conflict):
    """Nobody sends pages to a comparison that asks for them itself."""

    def __init__(self, run_id: str) -> None:
        super().__init__("reconciliation_polled", f"Reconciliation {run_id!r} asks the shop's system for its pages.")


async def compare_page(
    tx: Transaction,
    vault: Vault,
    shop: str,
    run_id: str,
    orders: Mapping[str, Mapping[str, Any]],
    originals: Mapping[str, bytes],
) -> Run:
    """Compare these orders, by id as they stand at the shop, and take those that we missed or have older.

    They are taken as upserts are (`originals`: what each says, as upserts are recognised by), so that one that comes
    later says nothing new; cost follows what differs. A
    page that comes again changes nothing. Raises UnknownRun, RunEnded, RunPolled.
    """
    run = await store.get_run(tx, shop, run_id)
    if run is None:
        raise UnknownRun(run_id)
    if run.ended_at is not None:
        raise RunEnded(run_id)
    if run.polled is not None:
        raise RunPolled(run_id)
    ours = await store.get_ours(tx, shop, list(orders))
    differing = {name: one for name, order in orders.items() if (one := compared(order, ours.get(name))) is not None}
    wanted = {name: orders[name] for name, (kind, _) in differing.items() if kind != "ahead"}
    refused = await _take(tx, vault, shop, wanted, originals, ours)
    findings = [_finding(name, kind, detail, refused.get(name)) for name, (kind, detail) in differing.items()]
    await store.save_page(tx, shop, run_id, list(orders), orders.keys() - differing.keys(), findings)
    after = await store.get_run(tx, shop, run_id)
    assert after is not None
    return after


async def _take(
    tx: Transaction,
    vault: Vault,
    shop: str,
    orders: Mapping[str, Mapping[str, Any]],
    originals: Mapping[str, bytes],
    ours: Mapping[str, Ours],
) -> dict[str, Outcome]:
    """Take these orders as upserts; by order why one could not be taken."""
    now, refused = tx.clock.now(), dict[str, Outcome]()
    offered: list[tuple[str, Offered]] = []
    for name, order in orders.items():
        bad = refused_time(name, now, ((field, order.get(field)) for field in ("time", *ORDER_TIMES)))
        if bad is not None:
            refused[name] = bad
            continue
        for one in _checked(tx, shop, name, order, originals[name], ours.get(name)):
            if isinstance(one, Outcome):
                refused[name] = one
            else:
                offered.append((name, one))
    taken = await take_events(tx, vault, [one for name, one in offered if name not in refused]) if offered else []
    names = [name for name, _ in offered if name not in refused]
    refused |= {name: outcome for name, outcome in zip(names, taken, strict=True) if outcome.refusal is not None}
    return refused


def _checked(
    tx: Transaction, shop: str, order_id: str, order: Mapping[str, Any], original: bytes, ours: Ours | None
) -> Sequence[Offered | Outcome]:
    events = implied_events(shop, order_id, order, ours.state if ours is not None else None)
    return [check(event, shop, tx.clock.now(), original) for event in events]


def _finding(order_id: str, kind: Kind, detail: str, refused: Outcome | None) -> Finding:
    if refused is None or refused.refusal is None:
        return Finding(order_id, kind, detail)
    return Finding(order_id, "refused", f"{detail}; not taken: {refused.refusal.detail}")
