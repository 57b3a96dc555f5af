"""Files of PostgreSQL's log, as a receiver that was killed left them."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path

import pytest

from regulars.backups.segments import drop_aside, set_aside, unpack
from regulars.stack.errors import StackError

from .archives import FIRST


def _flushed(text: bytes, pieces: int) -> bytes:
    """As pg_receivewal writes: flushed piece by piece, killed before the end."""
    packer = zlib.compressobj(1, wbits=zlib.MAX_WBITS | 16)
    step = len(text) // pieces
    parts = [text[at : at + step] for at in range(0, len(text), step)]
    return b"".join(packer.compress(part) + packer.flush(zlib.Z_SYNC_FLUSH) for part in parts)


def test_what_a_killed_receiver_wrote_is_put_away_and_the_longer_half_counts(tmp_path: Path) -> None:
    text = os.urandom(200_000)
    partial, aside = tmp_path / f"{FIRST}.gz.partial", tmp_path / f"{FIRST}.gz.aside"
    partial.write_bytes(_flushed(text, 200))
    set_aside(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [aside.name]
    set_aside(tmp_path)  # the server is away: none was begun
    partial.write_bytes(_flushed(text[:1000], 1))
    for _ in range(2):
        unpack([file for file in (aside, partial) if file.exists()], tmp_path / "log")
        assert (tmp_path / "log").read_bytes()[: len(text) + 1] == text + b"\0"
        set_aside(tmp_path)
    (tmp_path / f"{FIRST}.gz").touch()
    drop_aside(tmp_path)
    assert not aside.exists()


def test_of_a_half_written_over_a_longer_one_what_was_written_last_counts(tmp_path: Path) -> None:
    text, partial = os.urandom(10_000), tmp_path / f"{FIRST}.gz.partial"
    former, new = _flushed(b"0123456789" * 20_000, 2000), _flushed(text, 1)
    assert len(former) > len(new)
    partial.write_bytes(new + former[len(new) :])
    unpack([partial], tmp_path / "log")
    assert (tmp_path / "log").read_bytes().startswith(text)
    (tmp_path / f"{FIRST}.gz").write_bytes(gzip.compress(text)[:-100])
    with pytest.raises(StackError, match="is damaged"):
        unpack([tmp_path / f"{FIRST}.gz"], tmp_path / "log")
