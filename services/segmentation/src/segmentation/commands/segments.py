"""Segments that a shop defines: new versions, and archiving."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from common.events.segments import SegmentDefined
from common.refusals import Conflict, Invalid, NotFound, TooLarge
from common.storage.database import Transaction
from common.versions.table import tell
from segmentation.buyer_types.store import start_typing
from segmentation.expressions.compiling import UnknownSegmentNamed
from segmentation.expressions.parsing import BadExpression, parse
from segmentation.expressions.tree import InSegment, OneOf, Tree, atoms, mentioned
from segmentation.segments import store_definitions as definitions
from segmentation.segments.state import Defined, Definition
from segmentation.segments.store_standings import Day

MOST = 200
"""Segments of one shop that are not archived."""
MOST_CONDITIONS = 1_000
"""Of one segment, those of the segments that it names included."""
RESERVED = ("lapsed",)


class InvalidExpression(Invalid):
    def __init__(self, error: BadExpression) -> None:
        super().__init__("invalid_expression", error.detail, column=error.column)


class SegmentMissing(NotFound):
    def __init__(self, segment: str) -> None:
        super().__init__("unknown_segment", f"This shop has no segment {segment!r}: GET …/segments lists those it has.")


class NamedMissing(Invalid):
    def __init__(self, error: UnknownSegmentNamed) -> None:
        super().__init__("unknown_segment_named", error.detail, segment=error.segment)


class SegmentChanged(Conflict):
    def __init__(self, version: int) -> None:
        super().__init__(
            "segment_changed",
            f"Somebody saved another version meanwhile: {version} is the newest. "
            "Read it, and send yours again with its number as `replaces`.",
            version=version,
        )


class SegmentNeeded(Conflict):
    def __init__(self, segment: str, by: list[str]) -> None:
        super().__init__(
            "segment_needed",
            f"{segment!r} is named by {', '.join(by)}: archive these first, or define them without it.",
            segments=by,
        )


class TooManySegments(TooLarge):
    def __init__(self) -> None:
        super().__init__("too_many_segments", f"A shop has {MOST} segments at most: archive one that is not needed.")


class ReservedId(Invalid):
    def __init__(self, segment: str) -> None:
        super().__init__("reserved_id", f"{segment!r} is a segment that every shop has: take another id.")


def read(expression: str) -> Tree:
    """The expression's tree. Raises InvalidExpression."""
    try:
        return parse(expression)
    except BadExpression as error:
        raise InvalidExpression(error) from None


def check_named(tree: Tree, day: Day, segment: str | None = None) -> None:
    """Whether all segments that it names are there, none leads back to `segment`, and none gets too large by it.

    Raises NamedMissing, and TooLarge: segments that name segments are written out, so what a statement comes to is
    bounded here, for those too that name `segment` already.
    """
    trees = {**day.definitions, **({segment: tree} if segment is not None else {})}
    found: dict[str, int] = {}
    try:
        own = written_out(tree, trees, found, (segment,) if segment is not None else ())
        for name, other in trees.items() if segment is not None else ():
            if name not in found:
                found[name] = written_out(other, trees, found, (name,))
    except UnknownSegmentNamed as error:
        raise NamedMissing(error) from None
    if own > MOST_CONDITIONS:
        raise TooLarge("too_large", f"{_too_large('the expression', own)} Name fewer segments in it.")
    for name, conditions in found.items():
        if conditions > MOST_CONDITIONS:
            said = _too_large(repr(name), conditions)
            raise TooLarge("too_large", f"{said} It names this segment: make that smaller.")


def written_out(tree: Tree, trees: Mapping[str, Tree], found: dict[str, int], path: tuple[str, ...] = ()) -> int:
    """How many conditions it comes to, with those of the segments that it names; each is looked at once.

    `found`: what is known of other segments already, and is added to. Raises UnknownSegmentNamed for a segment that is
    not there, or that leads back to one of `path`.
    """
    total = 0
    for atom in atoms(tree):
        if not isinstance(atom, InSegment):
            total += len(atom.values) if isinstance(atom, OneOf) else 1
            continue
        name = atom.segment
        if name in path:
            raise UnknownSegmentNamed(name, f"The segment {name!r} leads back to itself.")
        if name not in trees:
            raise UnknownSegmentNamed(name, f"There is no segment {name!r} in this shop.")
        if name not in found:
            found[name] = written_out(trees[name], trees, found, (*path, name))
        total += found[name]
    return total


def _too_large(what: str, conditions: int) -> str:
    return (
        f"With the segments that it names {what} comes to {conditions:,} conditions; at most {MOST_CONDITIONS:,} are "
        "looked at."
    )


async def define(
    tx: Transaction, day: Day, shop: str, segment: str, definition: Definition, replaces: int | None
) -> tuple[Defined, datetime]:
    """Add a version, by which everybody is compared anew, and announce it; the newest one where it says the same.

    Raises InvalidExpression, NamedMissing, SegmentChanged, ReservedId, TooManySegments.
    """
    if segment in RESERVED:
        raise ReservedId(segment)
    tree = read(definition.expression)
    await definitions.lock_definitions(tx, shop)
    known = await definitions.get_definitions(tx, shop)
    newest = known.get(segment)
    if replaces is not None and replaces != (newest.version if newest else 0):
        raise SegmentChanged(newest.version if newest else 0)
    check_named(tree, day, segment)
    if newest is not None and newest.definition == definition:
        return newest, (await definitions.list_versions(tx, shop, segment))[0][1]
    living = [each for each in known.values() if not each.definition.archived]
    if len(living) >= MOST and segment not in {each.segment for each in living}:
        raise TooManySegments
    await start_typing(tx, shop, tx.clock.now(), again=False)
    return await _add(tx, shop, segment, definition, known)


async def archive(tx: Transaction, shop: str, segment: str) -> None:
    """End a segment: everybody leaves it. Raises SegmentMissing, and SegmentNeeded where another one names it."""
    await definitions.lock_definitions(tx, shop)
    known = await definitions.get_definitions(tx, shop)
    newest = known.get(segment)
    if newest is None:
        raise SegmentMissing(segment)
    if newest.definition.archived:
        return
    needed_by = sorted(each.segment for each in known.values() if segment in mentioned(each.definition.tree))
    if needed_by:
        raise SegmentNeeded(segment, needed_by)
    await _add(tx, shop, segment, newest.definition.model_copy(update={"archived": True}), known)


async def _add(
    tx: Transaction, shop: str, segment: str, definition: Definition, known: dict[str, Defined]
) -> tuple[Defined, datetime]:
    number, now = known[segment].version + 1 if segment in known else 1, tx.clock.now()
    await definitions.insert_definition(tx, shop, segment, number, now, definition)
    await definitions.compare_again(tx, shop, _depending(segment, known))
    data = SegmentDefined(version=number, valid_from=now, segment=segment, **definition.model_dump())
    await tell(tx, shop, f"segment-{segment}", data)
    return Defined(segment, number, definition, ""), now


def _depending(segment: str, known: dict[str, Defined]) -> set[str]:
    """The segments that name it, and those that name these."""
    found = {each.segment for each in known.values() if segment in mentioned(each.definition.tree)} - {segment}
    for name in tuple(found):
        found |= _depending(name, {key: each for key, each in known.items() if key != segment})
    return found


async def read_back(tx: Transaction, shop: str, data: SegmentDefined) -> None:
    """A rebuild reads our own definitions back; everybody is compared with them afterwards."""
    definition = Definition(name=data.name, expression=data.expression, archived=data.archived)
    if await definitions.insert_definition(tx, shop, data.segment, data.version, data.valid_from, definition):
        await start_typing(tx, shop, tx.clock.now(), again=False)
        known = await definitions.get_definitions(tx, shop)
        await definitions.compare_again(tx, shop, _depending(data.segment, known))
