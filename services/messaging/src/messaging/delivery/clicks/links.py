"""Signed links through which clicks are counted; each holds where it leads, so that it leads nowhere else."""

from __future__ import annotations

import hashlib
import re
from html import escape, unescape
from typing import NamedTuple

from itsdangerous import BadData, URLSafeSerializer

from common.crypto.sealing import derived_key

_HREF = re.compile(r'<a href="(https://[^"]+)"')
LONGEST = 1500
"""A link that is longer stays as it is: some mail programs cut lines, and ours is longer by half."""


class Followed(NamedTuple):
    """The link of a message, by its place in the text from 0 on, and where it leads."""

    shop: str
    message_id: str
    link: int
    target: str


class ClickLinks:
    """Makes and reads the links. They never expire: an old mail's link must lead on as well."""

    def __init__(self, master: bytes, public_url: str) -> None:
        self._public_url = public_url.rstrip("/")
        self._serializer = URLSafeSerializer(
            derived_key(master, "clicks"), salt="click", signer_kwargs={"digest_method": hashlib.sha256}
        )

    def url(self, followed: Followed) -> str:
        """The link that counts, and leads on."""
        return f"{self._public_url}/l/{self._serializer.dumps(list(followed))}"

    def counted(self, html: str, shop: str, message_id: str) -> str:
        """The mail's HTML with its links replaced; those to our own pages (unsubscribing) stay as they are."""
        number = -1

        def replaced(found: re.Match[str]) -> str:
            nonlocal number
            number += 1
            target = unescape(found[1])
            if target.startswith(f"{self._public_url}/") or len(target) > LONGEST:
                return found[0]
            return f'<a href="{escape(self.url(Followed(shop, message_id, number, target)))}"'

        return _HREF.sub(replaced, html)

    def read(self, token: str) -> Followed | None:
        """What a token names; None where it is not ours."""
        try:
            shop, message_id, link, target = self._serializer.loads(token)
        except (BadData, ValueError, TypeError):
            return None
        return Followed(str(shop), str(message_id), int(link), str(target))
