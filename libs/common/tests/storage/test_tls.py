"""libpq's parameters of TLS in an address become asyncpg's arguments; everything else of the address stays."""

from __future__ import annotations

import ssl

import pytest

from common.storage.tls import UnusableTls, split_tls

PLAIN = "postgresql+asyncpg://shop:p%40ss@db:5432/membership"


@pytest.mark.parametrize("url", [PLAIN, f"{PLAIN}?prepared_statement_cache_size=0"])
def test_without_a_mode_the_address_stays_as_it_is(url: str) -> None:
    assert split_tls(url) == (url, {})


@pytest.mark.parametrize(
    ("mode", "verified", "named"),
    [
        ("verify-full", ssl.CERT_REQUIRED, True),
        ("verify-ca", ssl.CERT_REQUIRED, False),
        ("require", ssl.CERT_NONE, False),
    ],
)
def test_each_mode_checks_what_it_says(mode: str, verified: ssl.VerifyMode, named: bool) -> None:
    plain, arguments = split_tls(f"{PLAIN}?sslmode={mode}&prepared_statement_cache_size=0")
    assert plain == f"{PLAIN}?prepared_statement_cache_size=0"
    assert (arguments["ssl"].verify_mode, arguments["ssl"].check_hostname) == (verified, named)


def test_it_can_be_switched_off() -> None:
    assert split_tls(f"{PLAIN}?sslmode=disable") == (PLAIN, {"ssl": False})


@pytest.mark.parametrize(
    "query", ["sslmode=best", "sslmode=", "sslrootcert=/ca.pem", "sslmode=verify-full&sslrootcert=/no"]
)
def test_what_cannot_be_is_refused_without_the_password(query: str) -> None:
    with pytest.raises(UnusableTls) as caught:
        split_tls(f"{PLAIN}?{query}")
    assert "p%40ss" not in str(caught.value)
