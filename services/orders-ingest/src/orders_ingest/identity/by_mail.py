"""Identifiers of people of whom an import says the e-mail alone: a keyed hash of it stands for the customer."""

from __future__ import annotations

import hashlib
import re

from common.values.addresses import InvalidAddress, mailbox

_FORM = re.compile(r"mail-[0-9a-f]{24}")


def named_by_mail(shop: str, email: str, key: bytes) -> str | None:
    """The identifier that stands for whoever has this mailbox in the shop, however its address is written; None where
    there is none."""
    plain = email.strip()
    if not plain:
        return None
    try:
        plain = mailbox(plain)
    except InvalidAddress:
        plain = plain.lower()  # no mailbox, but what the shop has of the customer
    sign = hashlib.blake2b(f"{shop}\n{plain}".encode(), key=key, digest_size=12)
    return f"mail-{sign.hexdigest()}"


def is_named_by_mail(customer: str) -> bool:
    """Whether the identifier is one of these, so that another identifier of the same person does not contradict it."""
    return _FORM.fullmatch(customer) is not None
