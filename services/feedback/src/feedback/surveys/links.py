"""Signed links by which a customer without an account answers a survey."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from common.crypto.sealing import derived_key

_SIGNATURE = 16


class BadLink(Exception):
    """The token was not signed here, or is not whole (mail programs cut long links)."""


class AnswerLinks:
    """Signs and reads the links of answer pages (HMAC-SHA256, 128 bits).

    A token names shop and survey, nothing personal, and holds no time: the same survey always has the same link, so a
    replay writes the same message. The signing key is derived from the master key and serves nothing else.
    """

    def __init__(self, master: bytes, public_url: str) -> None:
        self._key = derived_key(master, "answer-links")
        self._base = public_url.rstrip("/")

    def __repr__(self) -> str:
        return f"AnswerLinks({self._base})"

    def token(self, shop: str, survey_id: str) -> str:
        named = f"{shop}/{survey_id}".encode()  # neither holds a slash (common.events.from_dict)
        return base64.urlsafe_b64encode(self._sign(named) + named).decode().rstrip("=")

    def url(self, shop: str, survey_id: str) -> str:
        return f"{self._base}/s/{self.token(shop, survey_id)}"

    def read(self, token: str) -> tuple[str, str]:
        """(shop, survey id). Raises BadLink."""
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
            shop, survey_id = raw[_SIGNATURE:].decode().split("/")
        except (binascii.Error, ValueError):
            raise BadLink("the link is not complete, or not one of ours") from None
        if not hmac.compare_digest(raw[:_SIGNATURE], self._sign(raw[_SIGNATURE:])):
            raise BadLink("the link is not complete, or not one of ours")
        return shop, survey_id

    def _sign(self, named: bytes) -> bytes:
        return hmac.digest(self._key, named, hashlib.sha256)[:_SIGNATURE]
