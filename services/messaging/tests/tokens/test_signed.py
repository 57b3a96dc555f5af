"""Signed tokens."""

from __future__ import annotations

import hashlib

import pytest
from itsdangerous import BadData, URLSafeSerializer

from messaging.tokens.signed import SignedTokens

KEY = b"k" * 32
VALUES = [["shop", "c1", "email"], ["店", "c" * 200, "sms"], ["a" * 1000]]


@pytest.mark.parametrize("value", VALUES)
def test_links_that_were_sent_before_are_read_and_new_ones_by_an_older_release(value: list[str]) -> None:
    before = URLSafeSerializer(KEY, salt="x", signer_kwargs={"digest_method": hashlib.sha256})
    ours = SignedTokens(KEY, "x")
    assert ours.loads(before.dumps(value)) == value
    assert before.loads(ours.dumps(value)) == value


def test_nobody_else_makes_one_and_no_other_purpose_reads_it() -> None:
    token = SignedTokens(KEY, "x").dumps(["shop", "c1"])
    for other in (SignedTokens(KEY, "y"), SignedTokens(b"l" * 32, "x")):
        with pytest.raises(BadData):
            other.loads(token)
    with pytest.raises(BadData):
        SignedTokens(KEY, "x").loads("x" + token)
