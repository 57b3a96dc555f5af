"""Passwords as argon2id, hashed off the event loop, and second factors (RFC 6238)."""

from __future__ import annotations

import asyncio
import time

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST, LONGEST = 12, 200
STEP_S = 30
# OWASP's second choice: 19 MiB, twice over. Two at once stay within 40 MiB.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_AT_ONCE = 2
_STRANGERS = _HASHER.hash("nobody has this password")


class Passwords:
    """Makes and checks password hashes, two at a time."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def hashed(self, password: str) -> str:
        async with self._turns:
            return await asyncio.to_thread(_HASHER.hash, password)

    async def fits(self, stored: str | None, password: str) -> bool:
        """Whether the password is the stored one. Takes as long for nobody (None) as for somebody."""
        async with self._turns:
            right = await asyncio.to_thread(_verify, stored or _STRANGERS, password)
        return right and stored is not None


def _verify(stored: str, password: str) -> bool:
    try:
        return _HASHER.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


def code_step(secret: str, code: str, last: int | None, now: float | None = None) -> int | None:
    """The time step that the code is of, one before or after now allowed; None where it is wrong or was used."""
    totp, step = pyotp.TOTP(secret), int((time.time() if now is None else now) // STEP_S)
    digits = code.replace(" ", "")
    for near in (step, step - 1, step + 1):
        if (last is None or near > last) and pyotp.utils.strings_equal(totp.generate_otp(near), digits):
            return near
    return None
