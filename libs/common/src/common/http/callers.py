"""API keys `rk_<prefix>_<secret>`: stored as a keyed hash, scoped, per shop, two valid at once."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest

from common.crypto.sealing import derived_key
from common.http.limits import Buckets
from common.http.problems import Problem
from common.storage.database import Database
from common.values.people import PREFIX

EVERY = "*"
"""As a shop: every shop. As a scope: every scope."""
OPERATORS = frozenset({"ops", "metrics:read"})
"""Scopes that reach across shops; they count for a key of every shop alone."""
METRICS = "metrics:read"
VOUCHES = "people:vouch"
"""Of a key of one shop it must be named: `*` does not hold it, so that no shop gives it to itself."""
FRESH_S = 1.0  # a process forgets a key when it reads that it was revoked, and asks anew after so long in any case
KEPT = 10_000
FAILURES = 50.0  # a second, of one prefix from one network address; another's failures cost a valid key nothing
LOOKUPS_AT_ONCE = 2  # guessing keys, each with a prefix of its own, must not use up the database's connections
_SAY = "Send a valid API key: `Authorization: Bearer rk_…`. A key issued a moment ago counts within seconds."
_KEY = re.compile(rf"rk_({PREFIX})_([A-Za-z0-9_-]{{32,100}})")


class Unauthorized(Problem):
    """No key, or none that counts; which of the two is not said."""

    fixed_headers = {"www-authenticate": 'Bearer realm="regulars"'}  # noqa: RUF012  # never changed

    def __init__(self) -> None:
        super().__init__(401, "unauthorized", _SAY)


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose key it is. `shop` is `*` for a key of every shop; `key_id` is the key's public prefix."""

    shop: str
    key_id: str
    scopes: frozenset[str]

    def may(self, scope: str) -> bool:
        """Whether the key holds the scope; those of OPERATORS count for a key of every shop alone, and
        VOUCHES is in no shop's `*`."""
        if scope in OPERATORS and self.shop != EVERY:
            return False
        if scope == VOUCHES and self.shop != EVERY:
            return scope in self.scopes
        return EVERY in self.scopes or scope in self.scopes

    def of_shop(self, shop: str) -> bool:
        return self.shop in (EVERY, shop)


@dataclass(frozen=True, slots=True)
class _StoredKey:
    hash: bytes
    caller: Caller
    expires_at: datetime | None
    revoked_at: datetime | None


def new_api_key() -> str:
    """A key of 256 random bits; shown once, when it is made."""
    return f"rk_{secrets.token_hex(4)}_{secrets.token_urlsafe(32)}"


def parts_of(key: str) -> tuple[str, str] | None:
    """(prefix, secret), or None for what is no key of ours."""
    match = _KEY.fullmatch(key)
    return (match[1], match[2]) if match else None


class ApiKeys:
    """Verifies keys, with those of the last second at hand, and holds each to its rate.

    `bootstrap` and `metrics` are keys of the process's settings: they count without a database."""

    def __init__(
        self,
        database: Database,
        master: bytes,
        bootstrap: str | None = None,
        *,
        metrics: str | None = None,
        rate: float = 2_000,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._pepper = derived_key(master, "api-keys")
        self._set = [
            (self.hash(key), Caller(EVERY, name, frozenset({scope})))
            for key, name, scope in ((bootstrap, "bootstrap", EVERY), (metrics, "metrics", METRICS))
            if key
        ]
        self._monotonic = monotonic
        self._buckets = Buckets(rate, monotonic)
        self._failures = Buckets(FAILURES, monotonic)
        self._lookups = asyncio.Semaphore(LOOKUPS_AT_ONCE)
        self._known: OrderedDict[str, tuple[float, _StoredKey]] = OrderedDict()

    def hash(self, secret: str) -> bytes:
        """What is stored of a secret: keyed BLAKE2b. A copy of the table alone lets nobody in, nor guess."""
        return hashlib.blake2b(secret.encode("utf-8", "replace"), key=self._pepper, digest_size=32).digest()

    async def verify(self, key: str, address: str = "") -> Caller:
        """Whose key this is; `address` is the network address that sent it. Raises Unauthorized or TooManyRequests."""
        caller = await self._caller(key, address)
        self._buckets.take(caller.key_id)
        return caller

    def forget(self, prefix: str) -> None:
        """Ask the database at the next use."""
        self._known.pop(prefix, None)

    async def _caller(self, key: str, address: str) -> Caller:
        for hashed, caller in self._set:
            if compare_digest(self.hash(key), hashed):
                return caller
        parts = parts_of(key)
        if parts is None:
            raise Unauthorized
        stored = await self._stored(parts[0])
        if stored is None or not compare_digest(stored.hash, self.hash(parts[1])):
            self._failures.take(f"{parts[0]} {address}")
            raise Unauthorized
        now = self._database.clock.now()
        if stored.revoked_at is not None or (stored.expires_at is not None and stored.expires_at <= now):
            raise Unauthorized
        return stored.caller

    async def _stored(self, prefix: str) -> _StoredKey | None:
        if (known := self._fresh(prefix)) is not None:
            return known
        async with self._lookups:
            if (known := self._fresh(prefix)) is not None:  # who stood before in the row has asked
                return known
            return await self._look_up(prefix)

    def _fresh(self, prefix: str) -> _StoredKey | None:
        read_at, stored = self._known.get(prefix, (float("-inf"), None))
        return stored if self._monotonic() - read_at < FRESH_S else None

    async def _look_up(self, prefix: str) -> _StoredKey | None:
        now = self._monotonic()
        async with self._database.transaction() as tx:
            # One key by its public part.
            row = await tx.fetch_one(
                "select hash, shop, scopes, expires_at, revoked_at from api_keys where prefix = :prefix", prefix=prefix
            )
        self._known.pop(prefix, None)
        if row is None:
            return None
        caller = Caller(row.shop, prefix, frozenset(row.scopes))
        found = _StoredKey(bytes(row.hash), caller, row.expires_at, row.revoked_at)
        self._known[prefix] = now, found
        if len(self._known) > KEPT:
            self._known.popitem(last=False)
        return found
