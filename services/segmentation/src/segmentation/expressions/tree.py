"""The tree of an expression: what stands in it, typed; frozen, so that two equal expressions are equal trees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from segmentation.expressions.facts import Fact

Operator = Literal["=", "!=", "<", "<=", ">", ">="]
Value = str | int | Decimal | date


@dataclass(frozen=True, slots=True)
class Compare:
    """`fact`, of the last `days` where it is counted by day (today included), stands so to `value`.

    A fact that is not known of a customer stands in no relation to anything, not even `!=`.
    """

    fact: Fact
    operator: Operator
    value: Value
    days: int | None = None


@dataclass(frozen=True, slots=True)
class OneOf:
    """`fact` is one of the values."""

    fact: Fact
    values: tuple[Value, ...]
    days: int | None = None


@dataclass(frozen=True, slots=True)
class Flag:
    """A fact that is true or false."""

    fact: Fact


@dataclass(frozen=True, slots=True)
class Tagged:
    """The customer bears the tag."""

    tag: str


Named = Literal["category", "brand", "sku"]


@dataclass(frozen=True, slots=True)
class Bought:
    """The number of orders, of the last `days`, with goods of that category, brand or SKU stands so to `value`."""

    field: Named
    name: str
    operator: Operator = ">="
    value: int = 1
    days: int | None = None


@dataclass(frozen=True, slots=True)
class InSegment:
    """The customer meets the definition of another segment."""

    segment: str


@dataclass(frozen=True, slots=True)
class Not:
    part: Tree


@dataclass(frozen=True, slots=True)
class All:
    parts: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """At least one of the parts; of none, nobody."""

    parts: tuple[Tree, ...]


Atom = Compare | OneOf | Flag | Tagged | Bought | InSegment
Tree = Atom | Not | All | Any


def atoms(tree: Tree) -> Iterator[Atom]:
    """The conditions of the tree, from left to right."""
    if isinstance(tree, Not):
        yield from atoms(tree.part)
    elif isinstance(tree, All | Any):
        for part in tree.parts:
            yield from atoms(part)
    else:
        yield tree


def depth(tree: Tree) -> int:
    """How deep it is nested; an atom is 1."""
    if isinstance(tree, Not):
        return 1 + depth(tree.part)
    if isinstance(tree, All | Any):
        return 1 + max((depth(part) for part in tree.parts), default=0)
    return 1


def mentioned(tree: Tree) -> tuple[str, ...]:
    """The other segments that it names, each once."""
    return tuple(dict.fromkeys(atom.segment for atom in atoms(tree) if isinstance(atom, InSegment)))
