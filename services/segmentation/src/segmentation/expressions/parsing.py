"""Reads an expression: text to a typed tree, or a refusal that says where and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from functools import lru_cache
from typing import Any as Whatever
from typing import cast

from lark import Lark, Token, Transformer, UnexpectedInput, v_args
from lark.exceptions import VisitError

from segmentation.expressions.facts import FACTS, Fact
from segmentation.expressions.tree import (
    All,
    Any,
    Bought,
    Compare,
    Flag,
    InSegment,
    Named,
    Not,
    OneOf,
    Operator,
    Tagged,
    Tree,
    Value,
    atoms,
    depth,
)

LONGEST, MOST_ATOMS, DEEPEST, MOST_DAYS = 4_000, 60, 20, 3_650
GRAMMAR = r"""
    start: either
    either: both (_OR both)*
    both: one (_AND one)*
    ?one: _NOT one -> negation
        | "(" either ")"
        | NAME -> flag
        | NAME [window] OPERATOR value -> compare
        | NAME [window] _IN "(" value ("," value)* ")" -> one_of
        | NAME [window] _BETWEEN value _AND value -> between
        | _TAG value -> tagged
        | _BOUGHT FIELD value [window] [OPERATOR NUMBER] -> bought
        | _SEGMENT value -> in_segment
    window: _IN NUMBER _DAYS
    value: STRING | DATE | NUMBER | NAME
    _OR.2: /or\b/i
    _AND.2: /and\b/i
    _NOT.2: /not\b/i
    _IN.2: /in\b/i
    _BETWEEN.2: /between\b/i
    _DAYS.2: /days?\b/i
    _TAG.2: /tag\b/i
    _SEGMENT.2: /segment\b/i
    _BOUGHT.2: /bought\b/i
    FIELD.2: /(category|brand|sku)\b/i
    OPERATOR: "!=" | "<=" | ">=" | "=" | "<" | ">"
    DATE.3: /\d{4}-\d\d-\d\d/
    NUMBER.2: /\d+(\.\d+)?/
    STRING: /"[^"\n]*"/
    NAME: /[^\W\d][\w-]*/
    %import common.WS
    %ignore WS
"""
_PARSER = Lark(GRAMMAR, parser="lalr", maybe_placeholders=True)
_WORD, _WORD_BEFORE = re.compile(r"[\w-]{1,100}"), re.compile(r"\d[\w-]{0,100}$")
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_EXPECTED = {
    "NAME": "a fact",
    "OPERATOR": "=, !=, <, <=, > or >=",
    "NUMBER": "a number",
    "STRING": 'a text in "quotes"',
    "DATE": "a date",
    "LPAR": "(",
    "RPAR": ")",
    "COMMA": ",",
    "_OR": "or",
    "_AND": "and",
    "_NOT": "not",
    "_IN": "in",
    "_BETWEEN": "between",
    "_DAYS": "days",
    "_TAG": "tag",
    "_SEGMENT": "segment",
    "_BOUGHT": "bought",
    "FIELD": "category, brand or sku",
    "$END": "the end",
}


class BadExpression(ValueError):
    """Says what is wrong and what to write; `column` counts characters from 1, None: the whole."""

    def __init__(self, detail: str, column: int | None = None) -> None:
        super().__init__(detail)
        self.detail, self.column = detail, column


@lru_cache(maxsize=2_000)
def parse(text: str) -> Tree:
    """The tree of the expression. Raises BadExpression."""
    if len(text) > LONGEST:
        raise BadExpression(f"The expression has {len(text)} characters: {LONGEST} at most.")
    try:
        tree = cast(Tree, _Builder().transform(_PARSER.parse(text)))
    except UnexpectedInput as error:
        raise _unexpected(text, error) from None
    except VisitError as error:
        if isinstance(error.orig_exc, BadExpression):
            raise error.orig_exc from None
        raise
    except RecursionError:
        raise BadExpression(f"The expression is nested too deeply: {DEEPEST} levels at most.") from None
    if (many := sum(1 for _ in atoms(tree))) > MOST_ATOMS:
        raise BadExpression(f"The expression has {many} conditions: {MOST_ATOMS} at most.")
    if depth(tree) > DEEPEST:
        raise BadExpression(f"The expression is nested too deeply: {DEEPEST} levels at most.")
    return tree


def _unexpected(text: str, error: UnexpectedInput) -> BadExpression:
    column = (error.pos_in_stream or 0) + 1 if (error.pos_in_stream or 0) >= 0 else len(text) + 1
    names = getattr(error, "accepts", None) or getattr(error, "expected", None) or getattr(error, "allowed", None) or ()
    wanted = ", ".join(sorted({_EXPECTED.get(name, name) for name in names}))
    token = getattr(error, "token", None)
    found = "the end" if token is not None and token.type == "$END" else repr(text[column - 1 : column + 19])
    if found == "the end" or column > len(text):
        found, column = "the end", len(text) + 1
    hint = ""
    before, after = _WORD_BEFORE.search(text[: column - 1]), _WORD.match(text[column - 1 :])
    if before is not None and after is not None:
        hint = f' A text that begins with a digit stands in quotes: "{before[0]}{after[0]}".'
    return BadExpression(
        f"At character {column}: {found} stands where one of these is expected: {wanted}.{hint}", column
    )


def known(token: Token) -> Fact:
    """The fact of this name. Raises BadExpression with the nearest names."""
    fact = FACTS.get(token.lower())
    if fact is None:
        near = get_close_matches(token.lower(), FACTS, n=3) or sorted(FACTS)
        raise BadExpression(f"There is no fact {str(token)!r}. Did you mean {', '.join(near)}?", _column(token))
    return fact


def _column(token: Token) -> int:
    return (token.start_pos or 0) + 1


@v_args(inline=True)
class _Builder(Transformer[Token, Whatever]):
    """Makes typed trees of what the grammar finds."""

    def start(self, tree: Tree) -> Tree:
        return tree

    def either(self, *parts: Tree) -> Tree:
        return parts[0] if len(parts) == 1 else Any(parts)

    def both(self, *parts: Tree) -> Tree:
        return parts[0] if len(parts) == 1 else All(parts)

    def negation(self, part: Tree) -> Tree:
        return Not(part)

    def value(self, token: Token) -> Token:
        return token

    def window(self, number: Token) -> Token:
        return number

    def flag(self, name: Token) -> Tree:
        fact = known(name)
        if fact.kind != "flag":
            raise BadExpression(f"`{fact.name}` has to be compared: {_example(fact)}.", _column(name))
        return Flag(fact)

    def compare(self, name: Token, window: Token | None, operator: Token, value: Token) -> Tree:
        fact, days = known(name), _days(known(name), window)
        if fact.kind in ("choice", "text") and operator not in ("=", "!="):
            raise BadExpression(f"`{fact.name}` can be compared with = and != alone.", _column(operator))
        return Compare(fact, cast(Operator, str(operator)), _typed(fact, value), days)

    def one_of(self, name: Token, window: Token | None, *values: Token) -> Tree:
        fact = known(name)
        return OneOf(fact, tuple(dict.fromkeys(_typed(fact, each) for each in values)), _days(fact, window))

    def between(self, name: Token, window: Token | None, low: Token, high: Token) -> Tree:
        fact, days = known(name), _days(known(name), window)
        if fact.kind in ("choice", "text"):
            raise BadExpression(f"`{fact.name}` has no order: list its values with `in (…)`.", _column(name))
        first, last = _typed(fact, low), _typed(fact, high)
        if cast(Whatever, first) > last:
            raise BadExpression(
                f"`between` goes from the lower value to the higher: {low} is above {high}.", _column(low)
            )
        return All((Compare(fact, ">=", first, days), Compare(fact, "<=", last, days)))

    def tagged(self, name: Token) -> Tree:
        return Tagged(_text(name))

    def bought(
        self, field: Token, name: Token, window: Token | None, operator: Token | None, number: Token | None
    ) -> Tree:
        days = _window(window) if window is not None else None
        if number is not None and (not number.isdigit() or len(number) > 9):
            raise BadExpression("Orders are counted in whole numbers.", _column(number))
        least = int(number) if number is not None else 1
        return Bought(cast(Named, field.lower()), _text(name), cast(Operator, str(operator or ">=")), least, days)

    def in_segment(self, name: Token) -> Tree:
        if not _SLUG.fullmatch(_text(name)):
            raise BadExpression(f"{_text(name)!r} is no segment's id: a-z, 0-9, - and _.", _column(name))
        return InSegment(_text(name))


def _days(fact: Fact, window: Token | None) -> int | None:
    if window is None:
        return None
    if not fact.by_day:
        raise BadExpression(
            f"`{fact.name}` is not counted by day, so `in {window} days` says nothing of it.", _column(window)
        )
    return _window(window)


def _window(window: Token) -> int:
    if not window.isdigit() or not 1 <= int(window) <= MOST_DAYS:
        raise BadExpression(f"A window has 1 to {MOST_DAYS} whole days.", _column(window))
    return int(window)


def _text(token: Token) -> str:
    return token[1:-1] if token.type == "STRING" else str(token)


def _typed(fact: Fact, token: Token) -> Value:
    """The value as the fact has it. Raises BadExpression."""
    if fact.kind == "flag":
        raise BadExpression(f"`{fact.name}` stands alone, or after `not`.", _column(token))
    if fact.kind == "choice":
        return _choice(fact.values, fact, token)
    if fact.kind == "text":
        return _text(token)
    if fact.kind == "date":
        try:
            return date.fromisoformat(_text(token))
        except ValueError:
            raise BadExpression(f"`{fact.name}` is a date such as 2025-03-31.", _column(token)) from None
    if token.type != "NUMBER" or (fact.kind != "money" and "." in token):
        kind = "an amount of money" if fact.kind == "money" else "a whole number"
        raise BadExpression(f"`{fact.name}` is {kind}: {_example(fact)}.", _column(token))
    number = Decimal(str(token))
    if len(token) > 15 or (fact.kind != "money" and number > 10**9):
        raise BadExpression(f"{_short(token)} is more than any customer has, or too exact.", _column(token))
    return number.normalize() if fact.kind == "money" else int(number)


def _short(token: Token) -> str:
    return str(token) if len(token) <= 20 else f"{token[:20]}…"


def _choice(values: Sequence[str], fact: Fact, token: Token) -> str:
    if _text(token) not in values:
        raise BadExpression(f"`{fact.name}` is one of {', '.join(values)}.", _column(token))
    return _text(token)


def _example(fact: Fact) -> str:
    if fact.kind == "choice":
        return f"`{fact.name} = {fact.values[0]}`"
    if fact.kind == "text":
        return f'`{fact.name} = "…"`'
    if fact.kind == "date":
        return f"`{fact.name} >= 2025-01-31`"
    within = " in 90 days" if fact.by_day else ""
    return f"`{fact.name}{within} >= {'199.50' if fact.kind == 'money' else 3}`"
