"""Merges of customers in the fold: the survivor's state is the fold of the inputs of all who are one person.

Inputs remember under whose identifier they came, so that undoing a merge gives each customer back what is theirs, and
both are folded as if there had been no merge. News of merges may arrive in any order, before or after the inputs.
"""

from __future__ import annotations

from datetime import datetime

from common.events import CustomerKey
from common.fold import store_customers, store_history, store_long
from common.fold.folding import Folding, S, Step, cause_of
from common.fold.working import MANY_INPUTS, Folded, Working, fold_from_start, load, record, store_folded
from common.people.store import Merge, Moved, save_merge
from common.storage.database import Transaction


async def fold_merge(tx: Transaction, folding: Folding[S], merge: Merge) -> Folded[S]:
    """Join two customers, or part them, and fold anew whoever has other inputs now; one correction step each.

    Call it when all inputs that this transaction has claimed are folded: it folds whatever stands in the histories.
    Save what it gives before the next merge is folded. Who has a long history is folded in turns.
    """
    folded: Folded[S] = Folded(tx.service)
    moved = await save_merge(tx, merge)
    if moved is None or moved.before == moved.after:
        return folded
    known_until = {key: Working(tx.locked[key], folding.empty()).known_until for key in moved.after}
    done_until = {key: tx.locked[key].done_until for key in moved.after}
    await store_history.move_histories(tx, moved.after)
    changed = {key for key in moved.after if moved.before[key] != moved.after[key]}
    await folding.moved(tx, sorted(moved.after))
    working: dict[CustomerKey, Working[S]] = {}
    for key in sorted({moved.before[key] for key in changed} | {moved.after[key] for key in changed}):
        if moved.after[key] != key:
            working[key] = await _absorb(tx, folding, folded, key, merge)
        else:
            until, done = (_latest(moved, each, key) for each in (known_until, done_until))
            returns = moved.before[key] != key
            work = await _fold_anew(tx, folding, folded, key, merge, until, done, returns=returns)
            if work is not None:
                working[key] = work
    await store_folded(tx, folding, folded, working)
    for key in working:
        if moved.after[key] != key:
            tx.locked[key].state = None
    await store_customers.save_customers(tx, [tx.locked[key] for key in working if moved.after[key] != key])
    return folded


def _latest(moved: Moved, instants: dict[CustomerKey, datetime | None], key: CustomerKey) -> datetime | None:
    """How far all who are this customer now were advanced, or did what fell due; who is their own again, as the person.

    What fell due of a customer before a merge was told then: folded no further than the last input, who returns would
    do it again, under the same causes and ids.
    """
    joined = {one for one, survivor in moved.after.items() if survivor == key} | {moved.before[key]}
    return max((at for one in joined if (at := instants[one]) is not None), default=None)


async def _absorb(
    tx: Transaction, folding: Folding[S], folded: Folded[S], key: CustomerKey, merge: Merge
) -> Working[S]:
    """Nothing is left of the customer's own; what was announced last is kept, for the merge may be undone."""
    row = tx.locked[key]
    before = load(folding, row)
    if row.state is not None:
        effects = folding.absorbed(before, (await folding.posted(tx, [key]))[key], merge.time)
        record(folded, row, [Step(key, cause_of(merge), True, merge.time, effects)])
        await store_customers.keep_merged_state(tx, key, row.state)
    row.last, row.done_until, row.inputs = None, None, 0
    return Working(row, folding.empty(), anew=True)


async def _fold_anew(
    tx: Transaction,
    folding: Folding[S],
    folded: Folded[S],
    key: CustomerKey,
    merge: Merge,
    until: datetime | None,
    done_before: datetime | None,
    *,
    returns: bool,
) -> Working[S] | None:
    """The fold of all inputs that are the customer's now, or a place among those that are folded in turns; None: there
    never were any."""
    row = tx.locked[key]
    if returns:
        row.state = await store_customers.get_merged_state(tx, key)
        await store_customers.keep_merged_state(tx, key, None)
    work = Working(row, load(folding, row))
    row.last, row.inputs, postponed = await store_history.get_extent(tx, key)
    if row.last is None and row.state is None:
        return None
    if row.inputs > MANY_INPUTS or postponed:
        row.done_until = done_before
        await store_long.want_fold(tx, key, cause_of(merge), merge.time)
        return work
    before = work.state
    latest = max((at for at in (until, row.last[0] if row.last else None) if at is not None), default=None)
    done = await fold_from_start(tx, folding, work, latest)
    # What the person did counts, though nothing may fall due so late by the inputs of now: who returns would do again
    # what fell due of them before the merge, under the same cause.
    row.done_until = max((at for at in (done, row.done_until, done_before) if at is not None), default=None)
    effects = folding.difference(before, (await folding.posted(tx, [key]))[key], work.state, merge.time)
    record(folded, row, [Step(key, cause_of(merge), True, merge.time, effects)])
    return work
