"""When customers are looked at by the schedules, noted anew after what surveys follow from has changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from common.events import CustomerKey
from common.shops.settings import get_shops
from common.storage.database import Transaction
from feedback.policy.state import Version
from feedback.policy.store import get_versions
from feedback.schedules import store
from feedback.schedules.rules import next_look, occasions, span_of
from feedback.schedules.state import Turn


def has_schedules(versions: Sequence[Version]) -> bool:
    """Whether any version of a shop's policy asks by a schedule."""
    return any(version.policy.surveys.schedules for version in versions)


async def note_turns(
    tx: Transaction, customers: Collection[CustomerKey], versions: Mapping[str, Sequence[Version]] | None = None
) -> None:
    """Note when these customers, who are locked, are looked at next. Idempotent; costs nothing without schedules."""
    known = versions if versions is not None else await get_versions(tx, {shop for shop, _ in customers})
    mine = [key for key in customers if has_schedules(known[key[0]])]
    if not mine:
        return
    shops = await get_shops(tx, {shop for shop, _ in mine})
    turns = await store.get_turns(tx, mine)
    found: dict[CustomerKey, Turn] = {}
    spans = {key: span_of(known[key[0]]) for key in mine}
    for key, facts in (await store.get_known(tx, spans)).items():
        until = turns[key].taken_until if key in turns else None
        found[key] = Turn(next_look(occasions(facts, known[key[0]], shops[key[0]]), until), until)
    await store.save_turns(tx, found)
