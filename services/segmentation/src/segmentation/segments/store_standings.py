"""Customers compared with segments' definitions, set-wise: one statement for any number of segments and customers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from common.storage.database import Transaction
from segmentation.expressions.compiling import Compiler
from segmentation.expressions.tree import Compare, OneOf, Tree
from segmentation.segments.state import Standing


@dataclass(frozen=True, slots=True)
class Whom:
    """The customers that a statement is about: `condition` names columns behind `{c}`, and binds `params`."""

    condition: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def of(self, alias: str = "") -> str:
        return self.condition.format(c=alias)


def everybody(shop: str) -> Whom:
    return Whom("{c}shop = :shop", {"shop": shop})


def these(shop: str, customers: Sequence[str]) -> Whom:
    return Whom("{c}shop = :shop and {c}customer = any(:customers)", {"shop": shop, "customers": list(customers)})


def span(shop: str, after: str, upto: str) -> Whom:
    """Those behind `after`, up to `upto`."""
    return Whom(
        "{c}shop = :shop and {c}customer > :after and {c}customer <= :upto",
        {"shop": shop, "after": after, "upto": upto},
    )


@dataclass(frozen=True, slots=True)
class Day:
    """By what conditions are judged besides the customer: the shop's date and currency, and all its definitions."""

    today: date
    currency: str
    definitions: Mapping[str, Tree]

    def compiler(self, whom: Whom) -> Compiler:
        return Compiler(self.today, self.currency, whom.of(), self.definitions)


AT_ONCE = 20
"""Segments of one statement: a shop has two hundred at most, and a statement should stay readable for the planner."""


async def compare(tx: Transaction, day: Day, segments: Sequence[str], whom: Whom) -> list[Standing]:
    """Where these customers stand in these segments, in order of id; without those of whom nothing was folded.

    Whom another has absorbed is in none.
    """
    found: dict[str, Standing] = {}
    for first in range(0, len(segments), AT_ONCE):
        for each in await _compare(tx, day, segments[first : first + AT_ONCE], whom):
            known = found.get(each.customer)
            found[each.customer] = each if known is None else known.beside(each)
    return list(found.values())


async def compare_moving(tx: Transaction, day: Day, segment: str, whom: Whom) -> list[Standing]:
    """As `compare` with one segment, of those alone who move by it now or may by the date: few of a whole shop."""
    return await _compare(tx, day, [segment], whom, "where inside <> coalesce(open, '{}') or turns is not null")


async def _compare(
    tx: Transaction, day: Day, segments: Sequence[str], whom: Whom, of_these: str = ""
) -> list[Standing]:
    """By one statement; `of_these`: a condition on its columns, which leaves some out before they are sent."""
    compiler = day.compiler(whom)
    found = [(segment, compiler.compile(day.definitions[segment])) for segment in segments]
    names = {f"s{n}": segment for n, segment in enumerate(segments)}
    inside = ", ".join(
        f"case when c.state is not null and {condition.holds} then :s{n} end" for n, (_, condition) in enumerate(found)
    )
    turns = ", ".join(condition.turns for _, condition in found)
    # Facts and stays by primary key, each once for all of the customers. The segments are no condition on the stays:
    # while these are not analysed, PostgreSQL would read all entries into the segments instead of the customers' stays.
    rows = await tx.fetch(
        f"""
        select customer, inside, turns, open from (
            select c.customer, array_remove(cast(array[{inside}] as text[]), null) as inside,
                   case when c.state is not null then least({turns}) - date '0001-01-01' + 1 end as turns, o.open
            from customers c {compiler.joins}
            left join (
                select customer, array_agg(segment) filter (where segment = any(:segments)) as open
                from segment_stays where {whom.of()} and left_at is null group by customer
            ) o on o.customer = c.customer
            where {whom.of("c.")} and (c.state is not null or c.merged_into is not null)
        ) s {of_these} order by customer
        """,
        **whom.params,
        **compiler.params,
        **names,
        segments=list(segments),
    )
    return [Standing(row.customer, frozenset(row.inside), frozenset(row.open or ()), row.turns) for row in rows]


def _asking(day: Day, tree: Tree, whom: Whom) -> tuple[Compiler, str]:
    """A compiler whose joins sum what is asked of those alone whose own row lets the expression hold."""
    compiler = day.compiler(whom)
    needs = compiler.needs(tree)
    if needs is not None:
        compiler.within += f" and customer in (select c.customer from customers c where {whom.of('c.')} and {needs})"
    return compiler, compiler.compile(tree).holds


async def count_matching(tx: Transaction, day: Day, tree: Tree, whom: Whom) -> tuple[int, int]:
    """How many of the customers meet the expression, and how many there are."""
    compiler, holds = _asking(day, tree, whom)
    # What is summed stays in memory, in this transaction alone.
    await tx.execute("set local work_mem = '64MB'")
    # One pass over the shop's customers, their facts joined.
    row = await tx.fetch_one(
        f"""
        select count(*) filter (where {holds}) as inside, count(*) as looked_at
        from customers c {compiler.joins} where {whom.of("c.")} and c.state is not null
        """,
        **whom.params,
        **compiler.params,
    )
    if row is None:
        raise RuntimeError("an aggregate without groups always has one row")
    return row.inside, row.looked_at


async def list_matching(tx: Transaction, day: Day, tree: Tree, whom: Whom, limit: int) -> list[str]:
    """At most `limit` of the customers who meet the expression, spread over the shop by a hash of the id."""
    compiler, holds = _asking(day, tree, whom)
    # One pass, of which the first few by the hash are kept.
    rows = await tx.fetch(
        f"""
        select c.customer from customers c {compiler.joins}
        where {whom.of("c.")} and c.state is not null and {holds}
        order by hashtext(c.customer), c.customer limit :limit
        """,
        **whom.params,
        **compiler.params,
        limit=limit,
    )
    return [row.customer for row in rows]


async def get_values(tx: Transaction, day: Day, atoms: Sequence[Tree], whom: Whom) -> dict[str, list[tuple[bool, Any]]]:
    """Of these customers, for each condition: whether it holds, and the fact's value where it compares one."""
    compiler = day.compiler(whom)
    columns = []
    for n, atom in enumerate(atoms):
        value = compiler.value(atom) if isinstance(atom, Compare | OneOf) else "null"
        columns.append(f"{compiler.compile(atom).holds} as h{n}, cast({value} as text) as v{n}")
    # By primary key.
    rows = await tx.fetch(
        f"""
        select c.customer, {", ".join(columns)} from customers c {compiler.joins}
        where {whom.of("c.")} and c.state is not null
        """,
        **whom.params,
        **compiler.params,
    )
    return {row.customer: [(getattr(row, f"h{n}"), getattr(row, f"v{n}")) for n in range(len(atoms))] for row in rows}
