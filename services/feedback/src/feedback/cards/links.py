"""The sealed link of a card: it names shop, customer and order, and shows none of them."""

from __future__ import annotations

import base64
import binascii
import io
from typing import NamedTuple

import orjson
import segno

from common.crypto.sealing import SealBroken, derived_key, open_bytes, seal_bytes

_PLACE = b"service-card"
_PREFIX = b"enc:v1:"


class Card(NamedTuple):
    """What a card is about."""

    shop: str
    customer: str
    order_id: str


class BadCard(Exception):
    """The token was not made here, or is not whole."""


class CardLinks:
    """Makes and reads the links. They do not expire: a card lies in a drawer until the goods fail."""

    def __init__(self, master: bytes, public_url: str) -> None:
        self._key = derived_key(master, "service-cards")
        self._base = public_url.rstrip("/")

    def __repr__(self) -> str:
        return f"CardLinks({self._base})"

    def url(self, card: Card) -> str:
        """Another one each time; each opens the same card."""
        sealed = seal_bytes(orjson.dumps(list(card)), self._key, aad=_PLACE).removeprefix(_PREFIX)
        return f"{self._base}/c/{base64.urlsafe_b64encode(sealed).decode().rstrip('=')}"

    def read(self, token: str) -> Card:
        """Raises BadCard."""
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
            return Card(*orjson.loads(open_bytes(_PREFIX + raw, self._key, aad=_PLACE)))
        except (binascii.Error, ValueError, SealBroken):
            raise BadCard("the link is not complete, or not one of ours") from None


def qr_code(url: str) -> str:
    """The link as a QR code, an SVG document; a quarter of it may be damaged."""
    out = io.BytesIO()
    segno.make(url, error="q", micro=False).save(out, kind="svg", xmldecl=False, border=4, omitsize=True)
    return out.getvalue().decode()
