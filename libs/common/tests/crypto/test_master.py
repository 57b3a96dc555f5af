"""Several master keys: each sealed thing names the one that opens it, and one that was replaced seals nothing more."""

from __future__ import annotations

import base64

import pytest

from common.crypto.master import MasterKeys, UnknownMasterKey, prefix_of
from common.crypto.sealing import InvalidMasterKey, SealBroken, derived_key, seal_bytes, wrap

OLD, NEW = bytes(range(32)), bytes(range(1, 33))


def text(key: bytes) -> str:
    return base64.b64encode(key).decode()


FIRST = MasterKeys.of(OLD)
READING = MasterKeys.from_settings(text(OLD), f"2026-11 {text(NEW)}\n", None)
WRITING = MasterKeys.from_settings(text(OLD), f"\n  2026-11 {text(NEW)}", "2026-11")


def test_without_further_keys_all_is_as_it_was() -> None:
    data = bytes(32)
    assert FIRST.unwrap(wrap(OLD, data, "s", "c"), "s", "c") == data
    assert FIRST.open("dead-letters", seal_bytes(b"x", derived_key(OLD, "dead-letters"), aad=b"d"), aad=b"d") == b"x"
    assert FIRST.replaced == []
    assert READING.replaced == [], "beside a process that writes with the new key it would seal to and fro"


def test_processes_before_and_after_the_change_read_each_other() -> None:
    for one, other in ((READING, WRITING), (WRITING, READING), (FIRST, WRITING)):
        assert other.unwrap(one.wrap(bytes(32), "s", "c"), "s", "c") == bytes(32)
        assert other.open("archive", one.seal("archive", b"x", aad=b"a"), aad=b"a") == b"x"


def test_a_process_without_the_new_key_says_so() -> None:
    with pytest.raises(UnknownMasterKey, match="2026-11"):
        FIRST.unwrap(WRITING.wrap(bytes(32), "s", "c"), "s", "c")
    with pytest.raises(UnknownMasterKey, match="MASTER_KEYS lacks"):
        FIRST.open("archive", WRITING.seal("archive", b"x", aad=b"a"), aad=b"a")


def test_what_is_rewrapped_opens_with_the_new_key_alone() -> None:
    wrapped = WRITING.rewrap(FIRST.wrap(b"k" * 32, "s", "c"), "s", "c")
    assert wrapped.startswith(prefix_of("2026-11"))
    alone = MasterKeys({"": bytes(32), "2026-11": NEW}, "2026-11")
    assert alone.unwrap(wrapped, "s", "c") == b"k" * 32
    with pytest.raises(SealBroken):
        alone.unwrap(wrapped, "s", "another")
    assert WRITING.replaced == [""]


@pytest.mark.parametrize(
    ("further", "current", "says"),
    [
        (f"2026-11{text(NEW)}", None, "a line is"),
        (f"A {text(NEW)}", None, "a line is"),
        ("a not-a-key", None, "32 random bytes"),
        (f"a {text(NEW)}\na {text(bytes(32))}", None, "twice"),
        (f"a {text(OLD)}", None, "two ids"),
        (f"a {text(NEW)}", "b", "MASTER_KEY_ID is b"),
        (None, "a", "MASTER_KEY_ID is a"),
    ],
)
def test_what_cannot_be_is_refused_without_showing_a_key(further: str | None, current: str | None, says: str) -> None:
    with pytest.raises(InvalidMasterKey, match=says) as caught:
        MasterKeys.from_settings(text(OLD), further, current)
    assert text(NEW)[:8] not in str(caught.value)


def test_no_key_is_shown() -> None:
    assert text(NEW) not in repr(WRITING)
    assert str(NEW) not in repr(WRITING)
