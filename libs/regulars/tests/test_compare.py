"""A difference between two replays is seen, and only a difference."""

from __future__ import annotations

import os
from pathlib import Path

from common.crypto.sealing import seal
from regulars.compare import _line, differences

KEYS = {("cdnow", "00004"): os.urandom(32), ("cdnow", "00005"): os.urandom(32)}
ROW = {"shop": "cdnow", "customer": "00004", "amount": 29}


def test_a_row_that_differs_counts_on_both_sides_and_a_missing_one_once(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder, rows in ((one, "a\nb\nb\n"), (other, "a\nb\nc\n")):
        folder.mkdir()
        (folder / "membership.ledger_entries.txt").write_text(rows)
        (folder / "messaging.decisions.txt").write_text("same\n")
    (one / "messaging.messages.txt").write_text("only here\n")
    assert differences(one, other) == {
        "membership.ledger_entries": 2,
        "messaging.decisions": 0,
        "messaging.messages": 1,
    }


def test_another_amount_is_another_line() -> None:
    assert _line(ROW, KEYS, frozenset()) != _line(ROW | {"amount": 30}, KEYS, frozenset())


def test_ciphertext_is_compared_by_what_it_says() -> None:
    first, again, other = (
        ROW | {"email": seal(text, KEYS["cdnow", "00004"], "k1", "cdnow", "00004", "email")}
        for text in ("a@b.c", "a@b.c", "x@b.c")
    )
    assert first != again
    assert _line(first, KEYS, frozenset()) == _line(again, KEYS, frozenset()) != _line(other, KEYS, frozenset())


def test_an_address_is_opened_as_the_field_of_the_profile_that_its_row_names() -> None:
    """A table of addresses holds each as it was sealed in the profile; what opens in no way is said and compared."""
    key = KEYS["cdnow", "00004"]
    first, again, other = (
        ROW | {"field": "email", "sealed": seal(text, key, "k1", "cdnow", "00004", "email")}
        for text in ("a@b.c", "a@b.c", "x@b.c")
    )
    assert _line(first, KEYS, frozenset()) == _line(again, KEYS, frozenset()) != _line(other, KEYS, frozenset())
    assert "a@b.c" not in _line(first, KEYS, frozenset())
    assert "does not open" in _line(first | {"field": "phone"}, KEYS, frozenset())


def test_what_is_drawn_or_written_down_anew_in_every_run_is_set_aside() -> None:
    one = ROW | {"id": "af8dda48", "payload": '{"id": "af8dda48", "wrapped": "x", "recorded_at": "1"}'}
    other = ROW | {"id": "dda9770a", "payload": '{"id": "dda9770a", "wrapped": "y", "recorded_at": "2"}'}
    assert _line(one, KEYS, frozenset({"af8dda48"})) == _line(other, KEYS, frozenset({"dda9770a"}))
    assert _line(one, KEYS, frozenset()) != _line(other, KEYS, frozenset())
