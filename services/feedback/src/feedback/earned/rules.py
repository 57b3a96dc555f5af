"""The grounds of a reward, as keyed hashes that tell nobody what was written or shown; pure (FBK-043, FBK-047)."""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass

from common.events import CustomerKey

PURPOSE = "reward-grounds"
LONG = 30
"""Letters and digits from which on the same words are the same whoever writes them; fewer may be two customers' own."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a reward is asked for. `kept`: digests of photos that are kept here; `others`: references to others."""

    review_id: str | None = None
    text: str | None = None
    kept: Collection[str] = ()
    others: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Grounds:
    """`own`: what is earned by; `known_as`: the same under every identifier of the person, to be looked for."""

    own: tuple[str, ...] = ()
    known_as: tuple[str, ...] = ()


def grounds_of(key: bytes, customer: CustomerKey, people: Collection[CustomerKey], said: Said) -> Grounds:
    """The grounds of what a customer said, who is one person with `people`, sorted."""
    known = {ground for one in (customer, *people) for ground in _of_one(key, one, said)}
    return Grounds(tuple(sorted(_of_one(key, customer, said))), tuple(sorted(known)))


def _of_one(key: bytes, customer: CustomerKey, said: Said) -> set[str]:
    shop, name = customer
    # A review and a photo of the shop's own store are named for their customer; a kept photo, an address and many
    # words are the same whoever sends them.
    found = [("photo", "", digest) for digest in said.kept]
    found += [("photo", "" if photo.startswith("https://") else name, photo) for photo in said.others]
    if said.review_id is not None:
        found.append(("review", name, said.review_id))
    if words := plain(said.text or ""):
        found.append(("words", "" if len(words) >= LONG else name, words))
    return {
        hmac.digest(key, "\0".join((shop, *one)).encode("utf-8", "surrogatepass"), hashlib.sha256).hex()[:32]
        for one in found
    }


def plain(text: str) -> str:
    """The letters and digits of a text in one form: width, case, spaces, marks and signs are no difference. Where it
    has none, its other signs."""
    shown = unicodedata.normalize("NFKC", text).casefold()
    return "".join(c for c in shown if unicodedata.category(c)[0] in "LN") or "".join(
        c for c in shown if unicodedata.category(c)[0] in "SP"
    )
