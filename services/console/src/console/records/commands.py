"""Adding, changing, deciding and ending records: once a form, never over somebody else's version, audited."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from common.storage.database import Transaction
from console.access.audit import insert_entry
from console.records import rules, store
from console.records.kinds import KINDS
from console.records.state import Record
from console.texts import N_
from console.web.page import Viewer


class NotSaved(Exception):
    """`text` says why, and what to do."""

    def __init__(self, text: str, **values: object) -> None:
        super().__init__(text)
        self.text, self.values = text, values


async def save(viewer: Viewer, kind: str, name: str, version: int, fields: Mapping[str, Any], form: str) -> Record:
    """The record after it; a form that was sent before gives what it made. Raises NotSaved.

    `version`: the one that was read, 0 for a new record. `fields` of a kind with amounts name their `currency`.
    """
    async with viewer.console.database.transaction() as tx:
        await _lock(viewer, tx, kind)
        newest = await store.get_record(tx, viewer.here, kind, name)
        if await _sent(viewer, tx, form) and newest is not None:
            return newest
        if newest is not None and version == 0 and newest.state != rules.ENDED:
            raise NotSaved(N_("There is one of this name already: change that one, or choose another name."))
        if version == 0 and (alike := await store.find_alike(tx, viewer.here, kind, name)) is not None:
            raise NotSaved(N_("There is one named {name}, which reads alike: change that one."), name=alike)
        if newest is not None and version not in (0, newest.version):
            raise NotSaved(
                N_("{person} saved version {version} meanwhile: open it again, and change that."),
                person=newest.person,
                version=newest.version,
            )
        state = await _state(viewer, tx, kind, name, fields)
        number = newest.version + 1 if newest is not None else 1
        asked_by = viewer.who.person_id if state == rules.ASKED else None
        await _insert(viewer, tx, f"save_{kind}", (kind, name, number), state, fields, asked_by, form)
        saved = await store.get_record(tx, viewer.here, kind, name)
    assert saved is not None
    return saved


async def change(
    viewer: Viewer, kind: str, name: str, form: str, make: Callable[[dict[str, Any]], dict[str, Any]]
) -> Record | None:
    """The record that is in force with the fields that `make` makes of its own, once a form; None where there is none.

    It is the one of the name, or one whose name reads alike (case, width, how wide a blank is). Whoever changes it at
    the same moment waits: `make` sees what is there. Raises NotSaved, as `make` may.
    """
    async with viewer.console.database.transaction() as tx:
        await _lock(viewer, tx, kind)
        name = await store.find_alike(tx, viewer.here, kind, name) or name
        newest = await store.get_record(tx, viewer.here, kind, name)
        if newest is None or newest.state != rules.IN_FORCE or await _sent(viewer, tx, form):
            return newest if newest is not None and newest.state == rules.IN_FORCE else None
        number = newest.version + 1
        fields = make(newest.fields)
        await _insert(viewer, tx, f"save_{kind}", (kind, name, number), rules.IN_FORCE, fields, None, form)
        return await store.get_record(tx, viewer.here, kind, name)


async def revise(
    viewer: Viewer, kind: str, name: str, form: str, make: Callable[[Record | None], dict[str, Any] | None]
) -> None:
    """Write the fields that `make` makes of the newest version, or of none, once a form; None ends the record.

    Whoever writes it at the same moment waits: `make` sees what is there, also a version that has ended. The same
    fields again write nothing. Raises NotSaved, as `make` may.
    """
    async with viewer.console.database.transaction() as tx:
        await _lock(viewer, tx, kind)
        newest = await store.get_record(tx, viewer.here, kind, name)
        if await _sent(viewer, tx, form):
            return
        standing = newest is not None and newest.state != rules.ENDED
        fields = make(newest)
        number = newest.version + 1 if newest is not None else 1
        if fields is not None and not (standing and newest is not None and fields == newest.fields):
            state = await _state(viewer, tx, kind, name, fields)
            await _insert(viewer, tx, f"save_{kind}", (kind, name, number), state, fields, None, form)
        elif fields is None and standing and newest is not None:
            await _insert(viewer, tx, f"end_{kind}", (kind, name, number), rules.ENDED, newest.fields, None, form)


async def decide(viewer: Viewer, kind: str, name: str, version: int, form: str, *, approve: bool) -> None:
    """Approve or refuse what somebody else asked for. Raises NotSaved."""
    async with viewer.console.database.transaction() as tx:
        await _lock(viewer, tx, kind)
        newest = await store.get_record(tx, viewer.here, kind, name)
        if await _sent(viewer, tx, form):
            return
        if newest is None or newest.state != rules.ASKED or newest.version != version:
            raise NotSaved(N_("It has been decided, or changed, meanwhile."))
        if newest.asked_by == viewer.who.person_id:
            raise NotSaved(N_("Another person than who asked for it decides."))
        state = rules.IN_FORCE if approve else rules.REFUSED
        action = f"{'approve' if approve else 'refuse'}_{kind}"
        await _insert(viewer, tx, action, (kind, name, version + 1), state, newest.fields, newest.asked_by, form)


async def end(viewer: Viewer, kind: str, name: str, version: int, form: str) -> None:
    """Take it off the list; its versions stay. Raises NotSaved."""
    async with viewer.console.database.transaction() as tx:
        await _lock(viewer, tx, kind)
        newest = await store.get_record(tx, viewer.here, kind, name)
        if await _sent(viewer, tx, form) or newest is None or newest.state == rules.ENDED:
            return
        if newest.version != version:
            raise NotSaved(N_("It has been decided, or changed, meanwhile."))
        if KINDS[kind].amount and await store.sum_payments(tx, viewer.here, [name]):
            raise NotSaved(
                N_("Money paid of it, or held for campaigns, would be in no sum: take payments off the list first.")
            )
        await _insert(viewer, tx, f"end_{kind}", (kind, name, version + 1), rules.ENDED, newest.fields, None, form)


async def _lock(viewer: Viewer, tx: Transaction, kind: str) -> None:
    """One change at a time: payments and budget items go by each other's sums."""
    await store.lock_kind(tx, viewer.here, "budget" if kind == "spending" else kind)


async def _sent(viewer: Viewer, tx: Transaction, form: str) -> bool:
    """Whether the form made something before."""
    return bool(await tx.value("select exists (select from audit where form = :form)", form=form))


async def _state(viewer: Viewer, tx: Transaction, kind: str, name: str, fields: Mapping[str, Any]) -> str:
    if kind == "spending":
        await _check_left(viewer, tx, name, fields)
    amount = KINDS[kind].amount
    if not amount:
        return rules.IN_FORCE
    standard = await store.get_record(tx, viewer.here, "standard", fields["expense"])
    currency = str(fields["currency"])
    if (await store.sum_payments(tx, viewer.here, [name])).get(name, {}).get(currency, 0) > int(fields[amount]):
        raise NotSaved(N_("More than that is paid of it, or held for campaigns: take payments off the list first."))
    if (days := await store.get_days_paid(tx, viewer.here, name)) is not None and not rules.may_be_paid(fields, *days):
        raise NotSaved(
            N_("Payments of it are dated {first} to {last}: none may be more than a year from its days."),
            first=days[0],
            last=days[1],
        )
    deciding = (await store.list_deciding(tx, viewer.here, kind, [name])).get(name)
    # What was approved for one kind of expense, and for some days, is not approved for another, nor for other days.
    same = deciding is not None and rules.holds(deciding.fields, fields)
    approved = rules.approved_of(deciding, amount, currency) if same else 0
    return rules.state_of_item(int(fields[amount]), approved, rules.limit_of(standard, currency))


async def _check_left(viewer: Viewer, tx: Transaction, name: str, fields: Mapping[str, Any]) -> None:
    """Raises NotSaved where the item of a payment has less left, or there is none."""
    item, currency = str(fields["item"]), str(fields["currency"])
    deciding = (await store.list_deciding(tx, viewer.here, "budget", [item])).get(item)
    if deciding is not None and deciding.state == rules.IN_FORCE and deciding.currency != currency:
        raise NotSaved(
            N_("The budget item is in {currency}: write it anew in the shop's currency of today first."),
            currency=deciding.currency,
        )
    spent = (await store.sum_payments(tx, viewer.here, [item], without=name)).get(item, {})
    if int(fields["amount"]) > rules.approved_of(deciding, "planned", currency) - spent.get(currency, 0):
        raise NotSaved(
            N_("The budget item has less left than that, or none is approved: raise it in the budget first.")
        )
    # What a campaign costs is noted on the day on which that is done; its begin is within the item's days.
    if deciding is not None and "starts" not in fields and not rules.may_be_paid(deciding.fields, fields["day"]):
        raise NotSaved(
            N_("More than a year from the item's days, {since} until {until}: correct the day, or its days first."),
            since=deciding.fields["since"],
            until=deciding.fields["until"],
        )


async def _insert(
    viewer: Viewer,
    tx: Transaction,
    action: str,
    record: tuple[str, str, int],
    state: str,
    fields: Mapping[str, Any],
    asked_by: int | None,
    form: str,
) -> None:
    if not await store.insert_version(tx, viewer.here, record, state, fields, viewer.who, asked_by):
        raise NotSaved(N_("It has been decided, or changed, meanwhile."))
    thing = f"{record[0]}/{record[1]}"
    await insert_entry(tx, viewer.console.audit_key, viewer.who, viewer.here, action, thing, state, form)
