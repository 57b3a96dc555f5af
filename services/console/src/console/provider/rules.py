"""What a provider's claims say: who somebody is, and the role in each shop."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from common.events.fields import ShopName
from console.access.names import is_name
from console.access.roles import ROLES, Role

_SHOP: TypeAdapter[str] = TypeAdapter(ShopName)
NAMES = ("preferred_username", "email", "name", "sub")
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
    subject = str(claims["sub"])
    names = (each.strip()[:LONGEST_NAME].strip() for each in map(claims.get, NAMES) if isinstance(each, str))
    name = next(filter(is_name, names), hashlib.sha256(subject.encode()).hexdigest()[:12])
    return Claimed(subject, name, found)


def role_of(value: str) -> tuple[str, Role] | None:
    """Shop and role of `tea:owner`; None where it is neither."""
    shop, _, role = value.rpartition(":")
    known = next((each for each in ROLES if each == role), None)
    try:
        return (_SHOP.validate_python(shop), known) if known is not None else None
    except ValidationError:
        return None
