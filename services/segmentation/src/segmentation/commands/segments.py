"""Segments that a shop defines: new versions, and archiving."""

from __future__ import annotations

from datetime import datetime

from common.events.segments import SegmentDefined
from common.refusals import Conflict, Invalid, NotFound, TooLarge
from common.storage.database import Transaction
from common.versions.table import tell
from segmentation.buyer_types.store import start_typing
from segmentation.expressions.compiling import NEVER, Compiler, UnknownSegmentNamed
from segmentation.expressions.parsing import BadExpression, parse
from segmentation.expressions.tree import Tree, mentioned
from segmentation.segments import store_definitions as definitions
from segmentation.segments.state import Defined, Definition
from segmentation.segments.store_standings import Day, everybody

MOST = 200
"""Segments of one shop that are not archived."""
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
    """Whether all segments that it names are there, and none leads back to `segment`. Raises NamedMissing."""
    trees = {**day.definitions, **({segment: tree} if segment is not None else {})}
    compiler = Compiler(day.today, day.currency, everybody("").of(), trees)
    try:
        compiled = compiler.compile(tree)
    except UnknownSegmentNamed as error:
        raise NamedMissing(error) from None
    if segment is not None and _leads_to(segment, tree, trees):
        raise NamedMissing(UnknownSegmentNamed(segment, f"The segment {segment!r} leads back to itself."))
    # Segments that name segments are written out, so what one statement may come to is bounded here.
    if len(compiled.holds) + (len(compiled.turns) if compiled.turns != NEVER else 0) > 50_000:
        raise TooLarge("too_large", "With the segments that it names the expression is too large: name fewer.")


def _leads_to(segment: str, tree: Tree, trees: dict[str, Tree]) -> bool:
    return any(name == segment or _leads_to(segment, trees[name], trees) for name in mentioned(tree))


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
