"""People as callers name them: who decided something, who proposed it, and by which key a name was said."""

from __future__ import annotations

import re

from common.values.names import check_line, plain_name

MOST = 400
"""Characters of a name without the key, for which a Text leaves room."""
PREFIX = "[0-9a-f]{8}"
"""The public part of an API key, as an expression."""
_BY_KEY = re.compile(rf"(.*)\(key({PREFIX})\)", re.DOTALL)


def check_person(name: str) -> str:
    """The name of one of the shop's people, as they type it. Raises ValueError for what names nobody, could hide the
    key from who reads it, or reads as if a key had said it."""
    name = check_line(name.strip())
    if len(name) > MOST:
        raise ValueError(f"must have at most {MOST} characters")
    if is_said_by_key(name):
        raise ValueError("must not end in `(key …)`: so end names that a key says, which are written here")
    return name


def is_person(name: str) -> bool:
    """Whether one of the shop's people can have the name."""
    try:
        return bool(check_person(name))
    except ValueError:
        return False


def said_by_key(name: str, prefix: str) -> str:
    """The name as it is kept where nobody but the holder of an API key vouches for it; `prefix`: the key's."""
    return f"{name} (key {prefix})"


def is_said_by_key(name: str) -> bool:
    """Whether the name reads as one that `said_by_key` made."""
    return _parts(name)[1] is not None


def is_same_person(one: str, other: str) -> bool:
    """Whether two names are one person's: case, width, white space and what does not show are no difference, nor is
    the key by which a name was said. All names said by one key are one person: its holder makes them up (SEC-012)."""
    (name, key), (other_name, other_key) = _parts(one), _parts(other)
    return name == other_name or (key is not None and key == other_key)


def is_named_alike(one: str | None, other: str | None) -> bool:
    """Whether two requests name the same person, whichever key said it: then one may be the other, sent again by the
    key that took its place."""
    return one == other or (one is not None and other is not None and _parts(one)[0] == _parts(other)[0])


def locked_as(name: str) -> list[str]:
    """What is locked for a person: two names share one of these where they are one person's, and else none."""
    plain, key = _parts(name)
    return [plain] if key is None else [plain, f"(key{key})"]


def _parts(name: str) -> tuple[str, str | None]:
    plain = plain_name(name)
    found = _BY_KEY.fullmatch(plain)
    return (found[1], found[2]) if found else (plain, None)
