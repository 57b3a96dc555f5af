"""Rows of an export, as they are told."""

from __future__ import annotations

import orjson

from common.http.exporting import _opened_row


def test_a_number_that_not_every_program_reads_is_told_as_text() -> None:
    """SEC-006: the ledger's checksum is a sum of hashes and may pass 64 bits, which ended an export with 500."""
    row = {"customer": "zoe", "checksum": 3 * 2**62, "entries": 3, "sums": {"points": -(2**60), "growth": 12}}
    told = _opened_row(row, ("tea", "zoe"), {})
    assert told["checksum"] == str(3 * 2**62)
    assert told["sums"] == {"points": str(-(2**60)), "growth": 12}
    assert told["entries"] == 3
    assert orjson.loads(orjson.dumps(told)) == told
