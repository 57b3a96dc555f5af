"""Signed links behind QR codes: each names customer, order and insert, and leads where the plan said (MSG-068)."""

from __future__ import annotations

import hashlib
import io
from typing import NamedTuple

import segno
from itsdangerous import BadData, URLSafeSerializer

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
    """Makes and reads the links. They never expire: a card is kept for long."""

    def __init__(self, master: bytes, public_url: str) -> None:
        self._public_url = public_url.rstrip("/")
        self._serializer = URLSafeSerializer(
            derived_key(master, "inserts"), salt="insert", signer_kwargs={"digest_method": hashlib.sha256}
        )

    def url(self, scanned: Scanned) -> str:
        """What the code holds."""
        return f"{self._public_url}/q/{self._serializer.dumps(list(scanned))}"

    def read(self, token: str) -> Scanned | None:
        """What a token names; None where it is not ours."""
        try:
            return Scanned(*map(str, self._serializer.loads(token)))
        except (BadData, ValueError, TypeError):
            return None


def drawn(url: str) -> str:
    """The QR code as SVG, to be printed: 15 % of it may be dirty."""
    out = io.BytesIO()
    segno.make(url, error="m", micro=False).save(out, kind="svg", xmldecl=False, border=4, omitsize=True)
    return out.getvalue().decode()
