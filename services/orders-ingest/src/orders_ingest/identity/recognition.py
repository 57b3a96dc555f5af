"""What one person is recognised by under several identifiers (ORD-040), and is looked for by: e-mail, phone, name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from common.crypto.keys import DataKey
from common.crypto.sealing import SealBroken, blind_index, open_event
from common.events import CustomerKey, Event
from common.events.customers import CustomerUpdated, ProfileFields
from orders_ingest.identity.names import parts_of

PURPOSE = "identities"
"""The label of the hash's key, derived from the master key."""
NAME = "name"
"""The kind of sign that makes nobody the same person as another."""


class Recognised(NamedTuple):
    """One sign of who somebody is; `kind`: email, phone, account:<platform>, name; `hash` is keyed, 16 bytes."""

    shop: str
    customer: str
    kind: str
    hash: bytes


def recognised_by(key: bytes, shop: str, customer: str, profile: ProfileFields) -> list[Recognised]:
    """All of a profile whose personal fields are open and in normal form, each once.

    Case counts in none. A name counts whole and by its first parts: nobody is told apart by it, but looked for.
    """
    found = [("email", profile.email), ("phone", profile.phone)]
    found += [(f"account:{each.platform.casefold()}", each.account) for each in profile.social]
    signs = {(kind, text.strip().casefold()) for kind, text in found if text and text.strip()}
    signs |= {(NAME, part) for part in parts_of(profile.name or "")}
    return [Recognised(shop, customer, kind, sign_hash(key, shop, kind, text)) for kind, text in sorted(signs)]


def sign_hash(key: bytes, shop: str, kind: str, text: str) -> bytes:
    """The hash of a normal form. The shop is part of it, so that no two shops' customers can be matched."""
    return blind_index(key, orjson.dumps([shop, kind, text]).decode())


def recognised_in(
    hashing: bytes, person: CustomerKey, at: datetime, body: Mapping[str, Any], key: DataKey
) -> list[Recognised]:
    """The signs of a profile as it is stored; none where another key sealed it, which may come yet."""
    sealed = Event("", "", *person, at, CustomerUpdated.model_validate(body))
    try:
        return recognised_by(hashing, *person, open_event(sealed, key.key).data)
    except SealBroken:
        return []
