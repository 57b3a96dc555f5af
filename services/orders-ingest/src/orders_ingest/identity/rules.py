"""Rules of merges: which customers may be merged, and which merge may be undone."""

from __future__ import annotations

from collections.abc import Mapping

from common.refusals import Conflict, Invalid
from orders_ingest.identity.state import Alias, Merging


class MergedWithItself(Invalid):
    """A customer cannot absorb itself."""

    def __init__(self) -> None:
        super().__init__("merged_with_itself", "`absorbed` is the customer of the path: name the other one")


class AlreadyMerged(Conflict):
    """The absorbed customer went into another one before."""

    def __init__(self, alias: Alias) -> None:
        super().__init__(
            "already_merged",
            f"{alias.alias!r} was merged into {alias.merged_into!r} before: undo that one first (`…/unmerge`)",
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


class NotMerged(Conflict):
    """There is no merge of these two to be undone."""

    def __init__(self, survivor: str, absorbed: str, into: str | None) -> None:
        super().__init__(
            "not_merged",
            f"{absorbed!r} was merged into {into!r}, not into {survivor!r}: name that customer in the path"
            if into is not None
            else f"{absorbed!r} is merged into nobody: there is nothing to undo",
        )


def is_to_be_undone(survivor: str, absorbed: str, newest: Merging | None) -> bool:
    """Whether this merge stands; False where the very same one was undone last. Raises NotMerged."""
    if newest is None or (newest.undone and newest.survivor != survivor):
        raise NotMerged(survivor, absorbed, None)
    if newest.survivor != survivor:
        raise NotMerged(survivor, absorbed, newest.survivor)
    return not newest.undone


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
