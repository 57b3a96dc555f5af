"""Passwords as argon2id, hashed off the event loop, and second factors (RFC 6238)."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import time
from concurrent.futures import ThreadPoolExecutor

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST, LONGEST = 12, 200
STEP_S = 30
# Of OWASP's equally strong choices the one of 9 MiB, four times over: the process stays within 120 MB.
_HASHER = PasswordHasher(time_cost=4, memory_cost=9 * 1024, parallelism=1)
_AT_ONCE = 2
_M_MMAP_THRESHOLD, _LARGE = -3, 1 << 20


def _give_back_what_is_large() -> None:
    """Have blocks of a MiB and more go back to the system once they are free.

    Left to itself glibc takes the first hash's 9 MiB for a usual size, and keeps as much for each thread that hashes.
    """
    with contextlib.suppress(AttributeError, OSError):  # not glibc
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE)


_give_back_what_is_large()
_STRANGERS = _HASHER.hash("nobody has this password")


class Passwords:
    """Makes and checks password hashes, two at a time, on threads of its own."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="passwords")

    async def hashed(self, password: str) -> str:
        return await asyncio.get_running_loop().run_in_executor(self._threads, _HASHER.hash, password)

    async def fits(self, stored: str | None, password: str) -> bool:
        """Whether the password is the stored one. Takes as long for nobody (None) as for somebody."""
        loop = asyncio.get_running_loop()
        right = await loop.run_in_executor(self._threads, _verify, stored or _STRANGERS, password)
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
