"""What one person is recognised by under several identifiers: e-mail, phone, accounts on platforms (ORD-040)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from common.crypto.keys import DataKey
from common.crypto.sealing import SealBroken, blind_index, open_event
from common.events import CustomerKey, Event
from common.events.customers import CustomerUpdated, ProfileFields

PURPOSE = "identities"
"""The label of the hash's key, derived from the master key."""


class Recognised(NamedTuple):
    """One sign of who somebody is; `kind`: email, phone, or account:<platform>; `hash` is keyed, 16 bytes."""

    shop: str
    customer: str
    kind: str
    hash: bytes


def recognised_by(key: bytes, shop: str, customer: str, profile: ProfileFields) -> list[Recognised]:
    """All of a profile whose personal fields are open and in normal form, each once.

    The shop is part of the hash, so that no two shops' customers can be matched. Case counts in no e-mail and account.
    """
    found = [("email", profile.email), ("phone", profile.phone)]
    found += [(f"account:{each.platform.casefold()}", each.account) for each in profile.social]
    signs = {(kind, text.strip().casefold()) for kind, text in found if text and text.strip()}
    return [
        Recognised(shop, customer, kind, blind_index(key, orjson.dumps([shop, kind, text]).decode()))
        for kind, text in sorted(signs)
    ]


def recognised_in(
    hashing: bytes, person: CustomerKey, at: datetime, body: Mapping[str, Any], key: DataKey
) -> list[Recognised]:
    """The signs of a profile as it is stored; none where another key sealed it, which may come yet."""
    sealed = Event("", "", *person, at, CustomerUpdated.model_validate(body))
    try:
        return recognised_by(hashing, *person, open_event(sealed, key.key).data)
    except SealBroken:
        return []
