"""The text of a message that is listed here, written for whoever may read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from common.crypto.keys import DataKey
from common.crypto.sealing import SealBroken, is_sealed, open_sealed
from common.events import CustomerKey
from common.shops.settings import display_names, get_shop
from common.storage.database import Transaction
from messaging.contacts.state import Contact
from messaging.policy.store import get_policies
from messaging.templates.document import TemplateDocument
from messaging.templates.rendering import NOBODY, IncompleteText, Rendered, language_of, render_with

Keys = Mapping[CustomerKey, DataKey | None]


class House(NamedTuple):
    """What all texts of a shop share."""

    sender: str
    zone: Any


async def house_of(tx: Transaction, shop: str, at: datetime) -> House:
    """The shop's name and zone."""
    policy = (await get_policies(tx, [shop]))[shop].policy
    names = await display_names(tx, [shop], at)
    return House(policy.sender_name or names[shop], (await get_shop(tx, shop)).at(at).zone)


def opened(text: str | None, contact: Contact, field: str, keys: Keys) -> str | None:
    """A field of the profile in plain text; None where it cannot be opened."""
    if text is None or not is_sealed(text):
        return text
    own = keys.get(contact.key)
    if own is None:
        return None
    try:
        return open_sealed(text, own.key, *contact.key, field)
    except SealBroken:
        return None


def written(
    house: House,
    own: TemplateDocument | None,
    template: str,
    language: str | None,
    name: str | None,
    details: Mapping[str, Any],
    coupons: Sequence[str],
    unsubscribe_url: str | None = None,
) -> Rendered | None:
    """The text, with the first of the coupons; None where it asks for what is not there."""
    values = {
        **({"coupon": coupons[0]} if coupons else {}),
        **details,
        "name": name or NOBODY[language_of(language)],
        "shop_name": house.sender,
        "unsubscribe_url": unsubscribe_url,
        "answers_read": True,
        "zone": house.zone,
    }
    try:
        return render_with(own, template, language, values)
    except IncompleteText:
        return None
