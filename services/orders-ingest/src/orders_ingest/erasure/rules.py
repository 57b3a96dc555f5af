"""What is looked for in texts that stand under no customer, lines of files and dead deliveries; which are theirs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from orders_ingest.erasure.reading import Said

SHORTEST = 4
"""A name of fewer letters is met by chance within others: it counts as a whole cell or value alone."""
_GUEST = frozenset({"", "0"})
"""What shop systems write for a customer where there is none."""
_NUMBER = re.compile(r"\+?[0-9][0-9 ()./-]{5,}[0-9]")
_SHORTEST_NUMBER = 9
"""Figures at the end of a number by which it is known without its country."""


@dataclass(frozen=True, slots=True)
class LookedFor:
    """A person who is erased: identifiers; e-mails, numbers and addresses of chats, which nobody else has; and names,
    streets and accounts, which others may bear too."""

    people: list[str]
    contacts: list[str]
    names: list[str]


def looked_for(people: Iterable[str], profiles: Iterable[Mapping[str, Any]]) -> LookedFor:
    """What may stand of a person in a line of a file; all but identifiers in small letters."""
    ids, contacts, names = set(people), set[str](), set[str]()
    contacts |= {one for one in ids if "@" in one}
    for profile in profiles:
        contacts |= {profile[field] for field in ("email", "phone", "chat") if isinstance(profile.get(field), str)}
        names |= {profile[field] for field in ("name", "address") if isinstance(profile.get(field), str)}
        names |= {each["account"] for each in profile.get("social", ()) if isinstance(each.get("account"), str)}
    return LookedFor(sorted(ids), _plain(contacts), _plain(names))


def is_about(said: Said, wanted: LookedFor, by_mail: Callable[[str], str | None]) -> bool:
    """Whether a text is this person's: by its own customer, whole; by contact data; by a name, at the borders of words,
    where it says nobody else to be its customer. `by_mail`: who is meant where a file names e-mails alone."""
    mailed = {one for one in map(by_mail, said.mails) if one is not None}
    people = set(wanted.people)
    if people & (said.customers | mailed):
        return True
    text = "\n".join(said.values).casefold()
    if any(_holds(text, one) or _holds_number(text, one) for one in wanted.contacts):
        return True
    if said.certain and (said.customers | mailed) - _GUEST:
        return False
    cells = {value.strip().casefold() for value in said.values}
    return any(one in cells or (len(one) >= SHORTEST and _holds(text, one)) for one in wanted.names)


def _plain(texts: Iterable[str]) -> list[str]:
    return sorted({plain for text in texts if (plain := text.strip().casefold())})


def _holds(text: str, wanted: str) -> bool:
    """Whether these words stand in the text, and not within longer ones. Chinese has no borders between words."""
    at = text.find(wanted)
    while at >= 0:
        before, after = text[:at][-1:], text[at + len(wanted) :][:2]
        if not (_goes_on(before, wanted[0]) or _goes_on(after[:1], wanted[-1]) or _is_longer(wanted, before, after)):
            return True
        at = text.find(wanted, at + 1)
    return False


def _goes_on(sign: str, within: str) -> bool:
    return all(each.isalnum() and ord(each) < 0x2E80 for each in (sign, within)) if sign else False


def _is_longer(wanted: str, before: str, after: str) -> bool:
    """Whether an e-mail is the part of another one."""
    return "@" in wanted and (before in [*"._+-"] or after[:1] == "-" or (after[:1] == "." and after[1:].isalnum()))


def _holds_number(text: str, wanted: str) -> bool:
    """Whether a telephone number stands in the text, however it is parted, with its country or without."""
    figures = re.sub(r"[^0-9]", "", wanted)
    if len(figures) < _SHORTEST_NUMBER or re.search(r"[^0-9 +()./-]", wanted):
        return False
    found = (re.sub(r"[^0-9]", "", number).lstrip("0") for number in _NUMBER.findall(text))
    return any(len(each) >= _SHORTEST_NUMBER and figures.endswith(each) for each in found)
