"""What is looked for of an erased person in texts that name no customer (SEC-006)."""

from __future__ import annotations

from orders_ingest.erasure.rules import is_about, looked_for


def test_identifiers_and_contact_data_are_looked_for_in_small_letters() -> None:
    profile = {"name": "Ann Li", "email": "Ann@Example.com", "phone": "+49301234", "gender": "female", "social": []}
    account = {"social": [{"platform": "wechat", "account": "Ann_88"}]}
    assert looked_for(["customer-7", "a1"], [profile, account]) == [
        "+49301234",
        "ann li",
        "ann@example.com",
        "ann_88",
        "customer-7",
    ]


def test_a_line_is_about_whoever_it_names_whatever_the_letters_are_written_as() -> None:
    wanted = looked_for(["customer-7"], [{"name": "Łucja Żak"}])
    assert is_about(b"2025-03-04;CUSTOMER-7;10.00", wanted)
    assert is_about("1;łucja żak;2".encode(), wanted)
    assert is_about(b'{"name": "\\u0142ucja \\u017cak"}', wanted)
    assert not is_about(b"2025-03-04;customer-8;10.00", wanted)
    assert not is_about(b"", wanted)
