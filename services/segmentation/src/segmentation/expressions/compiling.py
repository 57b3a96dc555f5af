"""Compiles expressions into one statement over the facts rows: literals of the catalogue, and bound parameters.

Of each expression it makes a condition on a customer `c`, and the next date on which the date alone may change it.
A condition is never null: what is not known of a customer meets no comparison.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any as Whatever
from typing import cast

from common.values.currency import minor_per_major
from segmentation.expressions.facts import NOT_OF_NOTHING, ONE_ROW, ROWS, WHEN, Fact, Source
from segmentation.expressions.tree import All, Any, Bought, Compare, Flag, InSegment, Not, OneOf, Tagged, Tree, Value

_PLACES = {"sku": 0, "category": 1, "brand": 2}
"""Where each stands in a line of `order_facts`."""
NEVER = "cast(null as date)"
EXACT_LEVELS = 2
"""So deep the date is that on which the whole may turn; below it is the first on which any part may: less to say."""
_TYPES = {"number": "bigint", "money": "numeric", "date": "date", "days": "integer", "choice": "text", "text": "text"}


class UnknownSegmentNamed(ValueError):
    """The expression names a segment that there is not, or one that leads back to itself."""

    def __init__(self, segment: str, detail: str) -> None:
        super().__init__(detail)
        self.segment, self.detail = segment, detail


@dataclass(frozen=True, slots=True)
class Condition:
    """`holds` is true or false of a customer `c`; `turns` is a date after today, or null."""

    holds: str
    turns: str


@dataclass(slots=True)
class Compiler:
    """Compiles several expressions into one statement, whose joins and parameters they share.

    `within` is a condition on `shop` and `customer` of any table: the customers that the statement is about. `segments`
    are the definitions that may be named.
    """

    today: date
    currency: str
    within: str
    segments: Mapping[str, Tree] = field(default_factory=dict)
    params: dict[str, Whatever] = field(default_factory=dict)
    _joins: dict[Source, dict[int | None, dict[str, str]]] = field(default_factory=dict)
    _items: dict[tuple[str, str, int | None], str] = field(default_factory=dict)
    _tags: dict[str, str] = field(default_factory=dict)
    _opened: tuple[str, ...] = ()
    _level: int = 0

    def __post_init__(self) -> None:
        self.params |= {"today": self.today, "currency": self.currency}

    def compile(self, tree: Tree) -> Condition:
        """Raises UnknownSegmentNamed."""
        if isinstance(tree, All | Any):
            self._level += 1
            parts = [self.compile(part) for part in tree.parts]
            self._level -= 1
            word, none = (" and ", "true") if isinstance(tree, All) else (" or ", "false")
            holds = f"({word.join(part.holds for part in parts)})" if parts else none
            exact = self._level < EXACT_LEVELS
            return Condition(holds, _turns(tree, parts) if exact else _earliest(part.turns for part in parts))
        if isinstance(tree, Not):
            part = self.compile(tree.part)
            return Condition(f"(not {part.holds})", part.turns)
        if isinstance(tree, InSegment):
            return self._inlined(tree.segment)
        if isinstance(tree, Tagged):
            return self._tagged(tree.tag)
        if isinstance(tree, Bought):
            return self._bought(tree)
        if isinstance(tree, Flag):
            return Condition(f"coalesce({self._value(tree.fact, None)}, false)", NEVER)
        return self._compared(tree)

    def value(self, atom: Compare | OneOf) -> str:
        """What the fact of the condition is of a customer."""
        sql = self._value(atom.fact, atom.days)
        return f"(:today - {sql})" if atom.fact.kind == "days" else sql

    def needs(self, tree: Tree) -> str | None:
        """What must hold of the customer's own row for the expression to hold; None: it may hold of any row."""
        if isinstance(tree, All):
            parts = [part for each in tree.parts if (part := self.needs(each)) is not None]
            return f"({' and '.join(parts)})" if parts else None
        if isinstance(tree, Any):
            found = [self.needs(each) for each in tree.parts]
            known = [each for each in found if each is not None]
            return f"({' or '.join(known)})" if known and len(known) == len(found) else None
        if isinstance(tree, InSegment) and tree.segment in self.segments and tree.segment not in self._opened:
            self._opened = (*self._opened, tree.segment)
            try:
                return self.needs(self.segments[tree.segment])
            finally:
                self._opened = self._opened[:-1]
        if isinstance(tree, Flag | Compare | OneOf) and tree.fact.source == "customer":
            return self.compile(tree).holds
        return None

    @property
    def joins(self) -> str:
        """What the conditions read beside the customer's row, each by primary key or once for all of them."""
        joined = [self._join(source, windows) for source, windows in self._joins.items()]
        return "\n".join([*joined, *self._items.values(), *self._tags.values()])

    def _tagged(self, tag: str) -> Condition:
        """Joined once for all customers, by the index on the tag or theirs."""
        alias = f"tag_{list(self._tags).index(tag) if tag in self._tags else len(self._tags)}"
        if tag not in self._tags:
            self._tags[tag] = (
                f"left join (select customer from borne_tags where {self.within} and tag = {self._param(tag)}) "
                f"{alias} on {alias}.customer = c.customer"
            )
        return Condition(f"({alias}.customer is not null)", NEVER)

    def _bought(self, atom: Bought) -> Condition:
        """How many orders have such goods: counted once for all customers, by rows of their orders."""
        key = atom.field, atom.name, atom.days
        place = list(self._items).index(key) if key in self._items else len(self._items)
        alias = f"items_{place}"
        if key not in self._items:
            wanted = f"l.value ->> {_PLACES[atom.field]} = {self._param(atom.name)}"
            self._items[key] = (
                f"left join (select customer, count(*) as n, min(day) as oldest from counted_orders "
                f"where {self.within} and {self._since(atom.days)} "
                f"and exists (select from jsonb_array_elements(lines) l where {wanted}) group by customer) "
                f"{alias} on {alias}.customer = c.customer"
            )
        operator = "<>" if atom.operator == "!=" else atom.operator
        holds = f"coalesce({alias}.n, 0) {operator} cast({self._param(atom.value)} as bigint)"
        return Condition(f"({holds})", f"{alias}.oldest + {atom.days:d}" if atom.days is not None else NEVER)

    def _since(self, days: int | None) -> str:
        """The condition on `day` that its row is of the last days."""
        if days is None:
            return "true"
        self.params[f"since_{days}"] = max(self.today - timedelta(days=days), date.min)
        return f"day > :since_{days}"

    def _inlined(self, segment: str) -> Condition:
        if segment in self._opened:
            raise UnknownSegmentNamed(segment, f"The segment {segment!r} leads back to itself.")
        if segment not in self.segments:
            raise UnknownSegmentNamed(segment, f"There is no segment {segment!r} in this shop.")
        self._opened = (*self._opened, segment)
        try:
            return self.compile(self.segments[segment])
        finally:
            self._opened = self._opened[:-1]

    def _compared(self, atom: Compare | OneOf) -> Condition:
        fact, value = atom.fact, self.value(atom)
        values = atom.values if isinstance(atom, OneOf) else (atom.value,)
        kind = _TYPES[fact.kind]
        if isinstance(atom, OneOf):
            wanted = self._param([self._bound(fact, each) for each in values])
            holds = f"{value} = any(cast({wanted} as {kind}[]))"
        else:
            operator = "<>" if atom.operator == "!=" else atom.operator
            holds = f"{value} {operator} cast({self._param(self._bound(fact, atom.value))} as {kind})"
        turns = NEVER
        if fact.kind == "days":
            turns = self._passes(fact, atom, [cast(int, each) for each in values])
        elif atom.days is not None:
            turns = f"{self._alias(fact, atom.days)}.oldest_{atom.days:d} + {atom.days:d}"
        elif fact.by_year:
            turns = f"case when {self._alias(fact, None)}.born_from is not null then {self._new_year} end"
        return Condition(f"coalesce({holds}, false)", turns)

    @property
    def _new_year(self) -> str:
        """Everybody of whom the years of birth are known is a year older then."""
        self.params["new_year"] = date(min(self.today.year + 1, date.max.year), 1, 1)
        return "cast(:new_year as date)"

    def _passes(self, fact: Fact, atom: Compare | OneOf, values: list[int]) -> str:
        """The next date on which the number of days reaches a value at which the answer turns."""
        borders = set[int]()
        for value in values:
            operator = "=" if isinstance(atom, OneOf) else atom.operator
            borders |= {value} if operator in (">=", "<") else {value + 1}
            borders |= {value} if operator in ("=", "!=") else set()
        began = self._value(fact, None)
        return _earliest(
            f"case when {began} + {border} > :today then {began} + {border} end"
            for border in sorted(borders)
            if border <= 100_000  # beyond any calendar of ours
        )

    def _bound(self, fact: Fact, value: Value) -> Whatever:
        return value * minor_per_major(self.currency) if isinstance(value, Decimal) else value

    def _value(self, fact: Fact, days: int | None) -> str:
        if fact.source == "customer":
            return fact.sql
        alias = self._alias(fact, days)
        if fact.source in ONE_ROW:
            return fact.sql.replace("t.", f"{alias}.")
        column = f"f_{fact.name}_{days or 'all'}"
        self._joins[fact.source][days][column] = fact.sql
        return f"{alias}.{column}" if fact.name in NOT_OF_NOTHING else f"coalesce({alias}.{column}, 0)"

    def _alias(self, fact: Fact, days: int | None) -> str:
        self._joins.setdefault(fact.source, {}).setdefault(days, {})
        return fact.source

    def _join(self, source: Source, windows: Mapping[int | None, Mapping[str, str]]) -> str:
        """The rows of a source, read and summed once for all windows that are asked for."""
        on = f"on {source}.customer = c.customer"
        if source in ONE_ROW:
            return f"left join (select * from {ROWS[source]} {self.within}) {source} {on}"
        widest = None if None in windows else max(days for days in windows if days is not None)
        wanted = ""
        for days, columns in windows.items():
            when = "true" if days == widest else self._since(days)
            wanted += f", min(day) filter (where {when}) as oldest_{days or 'all'}"
            wanted += "".join(f", {sql.replace(WHEN, when)} as {name}" for name, sql in columns.items())
        return (
            f"left join (select customer{wanted} from {ROWS[source]} "
            f"{self.within} and {self._since(widest)} group by customer) {source} {on}"
        )

    def _param(self, value: Whatever) -> str:
        name = f"v{len(self.params)}"
        self.params[name] = value
        return f":{name}"


def _turns(tree: All | Any, parts: Sequence[Condition]) -> str:
    """The next date on which all (or any) of the parts may turn as a whole.

    While all hold, one that turns is enough; while some do not, the last of these must, and never, if one never does.
    So with the sides changed for any.
    """
    if all(part.turns == NEVER for part in parts):
        return NEVER
    one_does = _earliest(part.turns for part in parts)
    if len(parts) == 1:
        return one_does
    holding = isinstance(tree, Any)
    last = ", ".join(
        f"case when {'' if holding else 'not '}{part.holds} then coalesce({part.turns}, 'infinity') end"
        if part.turns != NEVER
        else f"case when {'' if holding else 'not '}{part.holds} then date 'infinity' end"
        for part in parts
    )
    # Null where no part stands so: then one that turns is enough.
    return f"nullif(coalesce(greatest({last}), {one_does}), 'infinity')"


def _earliest(turns: Iterable[str]) -> str:
    """The earliest of these dates, those that are null left out."""
    known = list(dict.fromkeys(each for each in turns if each != NEVER))
    if not known:
        return NEVER
    return known[0] if len(known) == 1 else f"least({', '.join(known)})"
