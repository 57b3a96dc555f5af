"""Sealed links behind QR codes: each names customer, order and insert, shows none of them (who gets a present or finds
the box reads the card), and leads where the plan said (MSG-068)."""

from __future__ import annotations

import base64
import binascii
import io
from typing import NamedTuple

import orjson
import segno
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from common.crypto.sealing import derived_key


class Scanned(NamedTuple):
    """An insert of an order's parcel. `offer`: of which a coupon is asked for; empty: none."""

    shop: str
    customer: str
    order_id: str
    insert: str
    url: str
    offer: str


class InsertLinks:
    """Makes and reads the links. They never expire: a card is kept for long.

    Of one insert of an order the link is the same whenever it is printed, so it is sealed without chance (RFC 5297).
    """

    def __init__(self, master: bytes, public_url: str) -> None:
        self._public_url = public_url.rstrip("/")
        self._cipher = AESSIV(derived_key(master, "inserts-signed") + derived_key(master, "inserts-sealed"))

    def url(self, scanned: Scanned) -> str:
        """What the code holds."""
        sealed = self._cipher.encrypt(orjson.dumps(list(scanned)), None)
        return f"{self._public_url}/q/{base64.urlsafe_b64encode(sealed).decode().rstrip('=')}"

    def read(self, token: str) -> Scanned | None:
        """What a token names; None where it is not ours."""
        try:
            sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
            return Scanned(*orjson.loads(self._cipher.decrypt(sealed, None)))
        except (binascii.Error, InvalidTag, ValueError, TypeError):
            return None


def drawn(url: str) -> str:
    """The QR code as SVG, to be printed: 15 % of it may be dirty."""
    out = io.BytesIO()
    segno.make(url, error="m", micro=False).save(out, kind="svg", xmldecl=False, border=4, omitsize=True)
    return out.getvalue().decode()
