"""Rules of merges: which customers may be merged, and that what names an absorbed one is the survivor's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from common.events import Event
from common.refusals import Conflict, Invalid
from orders_ingest.identity.state import Alias


class MergedWithItself(Invalid):
    """A customer cannot absorb itself."""

    def __init__(self) -> None:
        super().__init__("merged_with_itself", "`absorbed` is the customer of the path: name the other one")


class AlreadyMerged(Conflict):
    """The absorbed customer went into another one before, and a merge is for ever."""

    def __init__(self, alias: Alias) -> None:
        super().__init__(
            "already_merged", f"{alias.alias!r} was merged into {alias.merged_into!r} before: a merge is for ever"
        )


class SurvivorAbsorbed(Conflict):
    """The customer who is to go on was absorbed itself."""

    def __init__(self, alias: Alias) -> None:
        super().__init__(
            "survivor_absorbed",
            f"{alias.alias!r} was merged into another one before: merge into {alias.customer!r}",
        )


class MergeCycle(Conflict):
    """The customer who is to be absorbed is the one into whom the other went."""

    def __init__(self) -> None:
        super().__init__("merge_cycle", "the customer of the path was merged into `absorbed` before: they are one")


def is_new(survivor: str, absorbed: str, aliases: Mapping[str, Alias]) -> bool:
    """Whether this merge is still to be made; False where the very same one was made before.

    `aliases`: what is known of both. Raises MergedWithItself, AlreadyMerged, SurvivorAbsorbed and MergeCycle. Only
    customers that are nobody's alias are merged, so that no chain of aliases comes back to where it began.
    """
    if survivor == absorbed:
        raise MergedWithItself
    before, of_survivor = aliases.get(absorbed), aliases.get(survivor)
    if before is not None:
        if before.merged_into == survivor:
            return False
        raise AlreadyMerged(before)
    if of_survivor is not None:
        raise MergeCycle if of_survivor.customer == absorbed else SurvivorAbsorbed(of_survivor)
    return True


def for_survivor(event: Event[Any], survivors: Mapping[tuple[str, str], str]) -> Event[Any]:
    """The event as its surviving customer's, with the identifier under which it came; one that names no absorbed
    customer as it is. `survivors`: by (shop, absorbed customer)."""
    survivor = None if event.subject is None else survivors.get(event.customer)
    return event if survivor is None else replace(event, subject=survivor, alias=event.subject, raw=None)
