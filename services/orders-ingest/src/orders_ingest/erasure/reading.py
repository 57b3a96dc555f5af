"""What a line of a file, an event or a dead delivery says: whose it says that it is, and all its values."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

CUSTOMER = frozenset(
    {
        *("subject", "customer", "customerid", "customernumber", "customeruser", "userid", "buyer", "buyerid"),
        *("yzopenid", "kundennummer", "客户编号", "会员编号", "买家id", "absorbed", "survivor"),
    }
)
"""Headings, and keys of JSON, that name customers, in small letters, without gaps: ours, and those of shop systems."""
SEPARATORS = ",;\t|"
_GAPS = re.compile(r"[\s_.:-]+")
_WHOLE = re.compile(r"([0-9]+)\.0+")
_MAIL = re.compile(r"[^\s<>\"'(),:;|=]+@[^\s<>\"'(),:;|=]+")
_ESCAPED = re.compile(r"\\+u([0-9a-fA-F]{4})")
_PAIR = re.compile(r'"([^"\\]{1,40})\\*"\s*:\s*\\*"?([^"\\,{}\[\]]+)')


@dataclass(frozen=True, slots=True)
class Said:
    """`customers`: whom it names as its customer. `certain`: it could be read, so it names nobody else.

    `values`: its cells, or the values of its JSON.
    """

    customers: frozenset[str]
    certain: bool
    values: tuple[str, ...]

    @property
    def mails(self) -> set[str]:
        return {mail for value in self.values for mail in _MAIL.findall(value)}


def said_by(text: bytes, heading: str = "", column: str = "") -> Said:
    """What a text says. `heading`: its file's first line; `column`: which of it the shop says to be the customer's.

    Of a line that does not fit its heading, or whose quotes make it no row, each cell may name its customer; without a
    heading the first cell does, as in the layouts that have none.
    """
    plain = text.decode("utf-8", "replace")
    own = CUSTOMER | {_key(column)} if column else CUSTOMER
    if not plain.lstrip().startswith(("{", "[")):
        return _of_table(plain, heading, own)
    try:
        return _said(_leaves(orjson.loads(plain), ""), own, certain=True)
    except (ValueError, RecursionError):
        # Cut off, or else no JSON: it may be a line of a table that begins like it.
        known, line = _said(_pairs(plain), own, certain=False), _of_table(plain.lstrip("{[ "), heading, own)
        return Said(known.customers | line.customers, False, (*known.values, *line.values))


def _of_table(plain: str, heading: str, own: frozenset[str]) -> Said:
    names, cells = _cells(heading, heading), _cells(plain, heading or plain)
    if not heading:
        there = cells or _pieces(plain)
        return Said(frozenset(map(_name, there[:1])), False, tuple(there))
    if cells is None or names is None or len(cells) != len(names):
        there = [*(cells or ()), *_pieces(plain)]
        return Said(frozenset(map(_name, there)), False, tuple(there))
    named = (cell for name, cell in zip(names, cells, strict=True) if _key(name) in own)
    return Said(frozenset(map(_name, named)), True, tuple(cells))


def _said(pairs: Iterable[tuple[str, str]], own: frozenset[str], *, certain: bool) -> Said:
    there = list(pairs)
    named = frozenset(_name(value) for key, value in there if key in own)
    return Said(named, certain, tuple(value for _, value in there))


def _pairs(broken: str) -> Iterator[tuple[str, str]]:
    """What is cut off, or else no JSON, by what its keys look like; and whole."""
    plain = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), broken)
    plain = plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # half a sign is none
    yield "", plain
    for key, value in _PAIR.findall(plain):
        yield _key(key), value


def _leaves(value: Any, key: str) -> Iterator[tuple[str, str]]:
    """The values of JSON with their keys; the id of an object is under the object's key."""
    if isinstance(value, dict):
        for name, each in value.items():
            own = _key(name)
            if own == "body" and str(value.get("topic", "")).startswith("customer"):
                own = "customer"  # a dead delivery about a customer, whose id is the body's
            yield from _leaves(each, key if own == "id" and key else own)
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(each, key)
    elif isinstance(value, str) and value.startswith(("{", "[")):
        try:
            yield from _leaves(orjson.loads(value), key)
        except ValueError:
            yield from _pairs(value)
    elif value is not None and not isinstance(value, bool):
        yield key, str(value)


def _cells(line: str, like: str) -> list[str] | None:
    """The cells of a line, parted as the line `like` is; None where its quotes make it no row."""
    separator = max(SEPARATORS, key=like.count)
    if separator not in like:
        return [cell.strip('"') for cell in line.split()]
    try:
        rows = list(csv.reader(line.splitlines(keepends=True), delimiter=separator, strict=True))
    except csv.Error:
        return None
    return [cell.strip() for row in rows for cell in row]


def _pieces(line: str) -> list[str]:
    """What stands between the signs that part cells, or else between blanks, whatever is quoted."""
    pieces = re.split(f"[{SEPARATORS}]", line)
    return [piece.strip(' "\n') for piece in (pieces if len(pieces) > 1 else line.split())]


def _key(text: str) -> str:
    return _GAPS.sub("", text).casefold()


def _name(text: str) -> str:
    """An identifier as it is taken: programs of tables write whole numbers as 17850.0."""
    name = text.strip()
    found = _WHOLE.fullmatch(name)
    return found[1] if found else name
