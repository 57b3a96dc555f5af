"""What a console process holds stays small: hashes leave nothing behind, and no class of an event is loaded."""

from __future__ import annotations

import subprocess
import sys

import pytest

HASHING = """
import asyncio, psutil
from console.access.passwords import Passwords

async def hash_some() -> int:
    passwords, before = Passwords(), psutil.Process().memory_info().rss
    stored = await passwords.hashed("x" * 20)
    await asyncio.gather(*(passwords.fits(stored, "x" * 20) for _ in range(4)))
    return psutil.Process().memory_info().rss - before

print(asyncio.run(hash_some()))
"""
LOADED = """
import sys
import console.main, console.app

few = {"common.events.orders", "common.events.reading", "segno", "joserfc"}
print(len(few & sys.modules.keys()))
"""


def said(program: str) -> int:
    return int(subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="of glibc's ways")
def test_hashing_passwords_leaves_no_memory_behind() -> None:
    """Each hash takes 9 MiB, on two threads; a process may hold 120 MB in all."""
    assert said(HASHING) < 4_000_000


def test_what_few_pages_need_is_not_loaded_at_the_start() -> None:
    assert said(LOADED) == 0
