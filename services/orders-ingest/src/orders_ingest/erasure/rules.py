"""What is looked for in texts that name no customer: lines of files, dead deliveries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

SHORTEST = 4
"""Texts that are shorter would be met by chance, in lines that are of others."""


def looked_for(people: Iterable[str], profiles: Iterable[Mapping[str, Any]]) -> list[str]:
    """The identifiers and contact data of a person, as they may stand in a line of a file, in small letters."""
    found = {name for name in people}
    for profile in profiles:
        for field in ("name", "email", "phone", "address", "chat"):
            found |= {profile[field]} if isinstance(profile.get(field), str) else set()
        found |= {each["account"] for each in profile.get("social", ()) if isinstance(each.get("account"), str)}
    return sorted({text.strip().casefold() for text in found if len(text.strip()) >= SHORTEST})


def is_about(text: bytes, wanted: Iterable[str]) -> bool:
    """Whether a text holds any of these."""
    plain = text.decode("utf-8", "replace").casefold()
    # Within JSON other letters than ASCII may be written as escapes.
    return any(one in plain or one.encode("ascii", "backslashreplace").decode() in plain for one in wanted)
