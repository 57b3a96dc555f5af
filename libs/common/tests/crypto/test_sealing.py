"""Personal data travels and rests as ciphertext, readable with its customer's key alone."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.crypto import sealing
from common.events import EVENTS, Event, EventData, InvalidEvent, decode
from common.events.customers import CustomerRegistered
from common.events.fields import MAX_PERSONAL, PersonalText
from common.events.orders import OrderPaid

KEY, OTHER = sealing.new_key(), sealing.new_key()
AT = datetime(2025, 3, 5, 4, tzinfo=UTC)


def registered(**data: str) -> Event[CustomerRegistered]:
    return Event("e1", "/shops/demo/shop", "demo", "c1", AT, CustomerRegistered.model_validate(data))


@given(st.text(max_size=200))
def test_any_text_opens_where_it_was_sealed(text: str) -> None:
    sealed = sealing.seal(text, KEY, "k1", "demo", "c1", "email")
    assert sealing.is_sealed(sealed)
    assert sealing.key_id_of(sealed) == "k1"
    assert sealing.open_sealed(sealed, KEY, "demo", "c1", "email") == text


def test_two_seals_of_one_text_differ() -> None:
    assert sealing.seal("a", KEY, "k", "s", "c", "f") != sealing.seal("a", KEY, "k", "s", "c", "f")


@pytest.mark.parametrize(
    ("key", "shop", "customer", "field"),
    [
        pytest.param(OTHER, "demo", "c1", "email", id="another key"),
        pytest.param(KEY, "other", "c1", "email", id="another shop"),
        pytest.param(KEY, "demo", "c2", "email", id="another customer"),
        pytest.param(KEY, "demo", "c1", "phone", id="another field"),
        pytest.param(KEY, "democ", "1", "email", id="borders of the parts moved"),
    ],
)
def test_a_seal_does_not_open_elsewhere(key: bytes, shop: str, customer: str, field: str) -> None:
    sealed = sealing.seal("a@example.org", KEY, "k1", "demo", "c1", "email")
    with pytest.raises(sealing.SealBroken):
        sealing.open_sealed(sealed, key, shop, customer, field)


@pytest.mark.parametrize("text", ["plain", "enc:v1:", "enc:v1:k1:", "enc:v1:k1:!!", "enc:v1:k1:AAAA"])
def test_what_is_no_ciphertext_says_so(text: str) -> None:
    with pytest.raises(sealing.SealBroken):
        sealing.open_sealed(text, KEY, "demo", "c1", "email")


def test_one_changed_byte_is_noticed() -> None:
    sealed = bytearray(sealing.seal_bytes(b"body", KEY, aad=b"archive"))
    sealed[-1] ^= 1
    with pytest.raises(sealing.SealBroken):
        sealing.open_bytes(bytes(sealed), KEY, aad=b"archive")


def test_raw_bodies_open_at_their_place_only() -> None:
    sealed = sealing.seal_bytes(b"\x00:body:", KEY, aad=b"archive")
    assert b"body" not in sealed
    assert sealing.open_bytes(sealed, KEY, aad=b"archive") == b"\x00:body:"
    for body, place in ((sealed, b"dead"), (b"body", b"archive")):
        with pytest.raises(sealing.SealBroken):
            sealing.open_bytes(body, KEY, aad=place)


def test_a_wrapped_key_opens_for_its_customer_and_master_key_only() -> None:
    master = sealing.new_key()
    wrapped = sealing.wrap(master, KEY, "demo", "c1")
    assert sealing.unwrap(master, wrapped, "demo", "c1") == KEY
    for key, customer in ((master, "c2"), (OTHER, "c1")):
        with pytest.raises(sealing.SealBroken):
            sealing.unwrap(key, wrapped, "demo", customer)


def test_keys_for_two_purposes_differ_and_repeat() -> None:
    assert sealing.derived_key(KEY, "api-keys") == sealing.derived_key(KEY, "api-keys")
    assert len({sealing.derived_key(KEY, "api-keys"), sealing.derived_key(KEY, "dead-letters"), KEY}) == 3
    assert sealing.blind_index(KEY, "a@example.org") == sealing.blind_index(KEY, "a@example.org")
    assert sealing.blind_index(KEY, "a@example.org") != sealing.blind_index(OTHER, "a@example.org")


def test_a_master_key_is_read_in_either_alphabet() -> None:
    raw = bytes(range(224, 256))
    for text in (base64.b64encode(raw), base64.urlsafe_b64encode(raw), base64.urlsafe_b64encode(raw).rstrip(b"=")):
        assert sealing.master_key_from(text.decode() + "\n") == raw


@pytest.mark.parametrize("text", ["", "secret-but-short", "not base64 at all !", base64.b64encode(b"x" * 31).decode()])
def test_a_bad_master_key_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(sealing.InvalidMasterKey, match="openssl rand -base64 32") as caught:
        sealing.master_key_from(text)
    assert not text or text not in str(caught.value)


def test_an_event_travels_without_plain_personal_data_and_opens_again() -> None:
    """SEC-001."""
    event = registered(name="王小明", email="a@example.org", language="zh")
    sealed = sealing.seal_event(event, KEY, "k1")
    wire = sealed.encode()
    assert "王小明".encode() not in wire
    assert b"example.org" not in wire
    assert sealed.data.language == "zh"
    assert sealed.data.phone is None
    assert sealing.open_event(decode(wire), KEY) == replace(event, partitionkey="demo/c1")


def test_the_longest_personal_text_survives_the_wire() -> None:
    """XCT-019: characters are counted by code point."""
    event = registered(address="𠮷" * MAX_PERSONAL)
    assert sealing.open_event(decode(sealing.seal_event(event, KEY, "k1").encode()), KEY).data == event.data


def test_a_text_that_only_looks_sealed_is_sealed_like_any_other() -> None:
    event = registered(name="enc:v1:k1:AAAA")
    assert sealing.open_event(sealing.seal_event(event, KEY, "k1"), KEY) == event


def test_a_text_too_long_to_travel_is_an_invalid_event() -> None:
    with pytest.raises(InvalidEvent, match="at most 4000"):
        sealing.seal_event(registered(name="enc:v1:" + "a" * 9000), KEY, "k1")


def test_an_erased_customer_s_event_keeps_everything_but_the_personal() -> None:
    """SEC-006: deletion."""
    data = OrderPaid.model_validate(
        {"order_id": "o1", "state": "paid", "currency": "CNY", "goods_paid": 100, "remark": "ring twice"}
    )
    event = Event("e1", "/shops/demo/shop", "demo", "c1", AT, data)
    stripped = sealing.without_personal(sealing.seal_event(event, KEY, "k1"))
    assert stripped.data == data.model_copy(update={"remark": None})
    nobody = sealing.without_personal(replace(event, subject=None))
    assert nobody.data.remark is None


class Guest(EventData):
    name: PersonalText | None = None
    table: int = 1


class Party(EventData):
    TOPIC: ClassVar[str] = "orders"
    TYPE: ClassVar[str] = "test.party"
    host: Guest | None = None
    guests: tuple[Guest, ...] = ()
    remarks: list[PersonalText] | None = None
    by_seat: dict[str, Guest] | None = None


def test_nested_personal_fields_are_found() -> None:
    """SEC-001: none is left in the clear."""
    party = Party(
        host=Guest(name="Annabelle"),
        guests=(Guest(name="Bartholomew"), Guest()),
        remarks=["hazelnuts"],
        by_seat={"a": Guest(name="Cymbeline")},
    )
    event = Event("e1", "/shops/demo/shop", "demo", "c1", AT, party)
    sealed = sealing.seal_event(event, KEY, "k1")
    # Long names: ciphertext in base64 holds any three letters now and then.
    for name in (b"Annabelle", b"Bartholomew", b"hazelnuts", b"Cymbeline"):
        assert name not in sealed.encode()
    assert sealed.data.guests[1] == Guest()
    assert sealing.open_event(sealed, KEY) == event
    assert sealing.without_personal(event).data.remarks == []


def test_a_personal_field_that_cannot_be_left_out_is_a_programming_error() -> None:
    class Wrong(EventData):
        name: PersonalText

    with pytest.raises(TypeError, match=r"Wrong\.name is personal"):
        sealing.personal_fields(Wrong)


def test_the_marked_fields_of_all_events_are_those_we_know() -> None:
    """SEC-001: name, address and phone among them."""
    found = {
        name: sealing.personal_fields(kind).own for name, kind in EVENTS.items() if sealing.personal_fields(kind).own
    }
    profile = ("name", "email", "phone", "chat", "address", "birthday")
    assert found["customer.registered"] == found["customer.updated"] == profile
    assert found["order.paid"] == ("remark", "recipient", "recipient_phone", "address")
    assert found["review.submitted"] == ("text", "photos")
    nested = {name: sealing.personal_fields(kind).nested for name, kind in EVENTS.items()}
    tickets = {f"complaint.{what}": ("promise", "entry") for what in ("opened", "changed", "resolved", "reopened")}
    assert {name: fields for name, fields in nested.items() if fields} == tickets | {
        "survey.answered": ("answers",),
        "customer.registered": ("social", "interests"),
        "customer.updated": ("social", "interests"),
    }
