"""What a provider's claims say: who somebody is, and the role in each shop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from common.events.fields import ShopName
from common.values.names import shows
from console.access.roles import ROLES, Role

_SHOP: TypeAdapter[str] = TypeAdapter(ShopName)
NAMES = ("preferred_username", "email", "name")
"""Claims that may name a person, the first that is there."""
LONGEST_NAME = 100


class Claimed(NamedTuple):
    """Who has signed in: for ever the same `subject` of the issuer; `shops`: the role in each shop."""

    subject: str
    name: str
    shops: dict[str, Role]


def claimed(claims: Mapping[str, Any], claim: str, groups: Mapping[str, Sequence[str]]) -> Claimed:
    """Read a checked token. `claim` holds roles such as `tea:owner`, or groups that `groups` maps to roles.

    Of several roles in a shop the first of ROLES counts; values that say no role are passed over.
    """
    said = claims.get(claim)
    values = [each for each in (said if isinstance(said, list) else [said]) if isinstance(each, str)]
    roles = [role for value in values for role in groups.get(value, ())] if groups else values
    found: dict[str, Role] = {}
    for shop, role in filter(None, map(role_of, roles)):
        if shop not in found or ROLES.index(role) < ROLES.index(found[shop]):
            found[shop] = role
    names = (claims.get(each) for each in NAMES)
    name = next((each.strip() for each in names if isinstance(each, str) and _is_name(each.strip())), "")
    return Claimed(str(claims["sub"]), (name or str(claims["sub"]))[:LONGEST_NAME], found)


def _is_name(text: str) -> bool:
    """Whether the services take it as the name of who orders something."""
    return text.isprintable() and shows(text)


def role_of(value: str) -> tuple[str, Role] | None:
    """Shop and role of `tea:owner`; None where it is neither."""
    shop, _, role = value.rpartition(":")
    known = next((each for each in ROLES if each == role), None)
    try:
        return (_SHOP.validate_python(shop), known) if known is not None else None
    except ValidationError:
        return None
