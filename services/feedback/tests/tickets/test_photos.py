"""Which references name the same photo (FBK-040)."""

from __future__ import annotations

import pytest

from feedback.tickets.photos import digest_of

PHOTO = "https://p.example.test/a.jpg?id=1"


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (PHOTO, True),
        ("https://P.Example.test/a.jpg?id=1", True),
        (PHOTO + "#x", True),
        ("https://p.example.test/a.jpg?id=2", False),
        ("https://p.example.test/A.jpg?id=1", False),
        ("https://[p.example.test/a.jpg", False),
        ("a.jpg", False),
    ],
)
def test_an_address_names_the_same_photo_whatever_its_fragment_and_its_hosts_case(other: str, same: bool) -> None:
    assert (digest_of(b"k", "s", PHOTO) == digest_of(b"k", "s", other)) is same


def test_shops_and_installations_do_not_share_what_they_have_seen() -> None:
    assert digest_of(b"k", "s", PHOTO) != digest_of(b"k", "t", PHOTO)
    assert digest_of(b"k", "s", PHOTO) != digest_of(b"l", "s", PHOTO)
