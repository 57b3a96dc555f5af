"""Addresses that can be sent to, in one form: one check for profiles, senders and the hand-off."""

from __future__ import annotations

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st

from common.values.addresses import (
    InvalidAddress,
    InvalidPhone,
    is_private_host,
    mail_address,
    mailbox,
    phone_number,
    webhook_url,
)


@pytest.mark.parametrize(
    ("given", "sent_to"),
    [
        ("Ann@EXAMPLE.com", "Ann@example.com"),
        ("o'neil+tag@shop.example", "o'neil+tag@shop.example"),
        ("heidi@käse.example", "heidi@xn--kse-qla.example"),
        ("heidi@xn--kse-qla.example", "heidi@xn--kse-qla.example"),
        ("chen@茶叶。中国", "chen@xn--qpr921i.xn--fiqs8s"),
        ("c1@example.test", "c1@example.test"),
    ],
)
def test_an_address_has_one_form_that_every_mail_server_takes(given: str, sent_to: str) -> None:
    assert mail_address(given) == sent_to
    assert sent_to.isascii()
    assert mail_address(sent_to) == sent_to


@pytest.mark.parametrize(
    "given",
    ["", "nobody", "@example.com", "a@b@example.com", "a b@example.com", " a@example.com", "a@example.com\n",
     "a@example.com\r\nRCPT TO:<x@example.net>", "a@localhost", "news@shop.example.", "news@-shop.example",
     "news@shop..example", ".a@example.com", "a..b@example.com", "a@[192.0.2.1]", '"a b"@example.com',
     "a\x00@example.com", "a\ud800@example.com", "x" * 65 + "@example.com", "a@" + "x" * 64 + ".example",
     "Ann <a@example.com>", "a@exam_ple.com"],
)  # fmt: skip
def test_what_no_mail_can_be_sent_to_is_refused(given: str) -> None:
    for utf8 in (False, True):
        with pytest.raises(InvalidAddress):
            mail_address(given, utf8=utf8)


def test_a_local_part_beyond_ascii_is_taken_only_where_the_server_offers_smtputf8() -> None:
    with pytest.raises(InvalidAddress, match="ASCII"):
        mail_address("客服@茶叶.example")
    assert mail_address("客服@茶叶.example", utf8=True) == "客服@xn--qpr921i.example"
    assert mail_address("u\u0308@example.com", utf8=True) == "ü@example.com", "in NFC"


@pytest.mark.parametrize("given", ["+86 138 0013 8000", "+8613800138000"])
def test_a_phone_number_is_written_with_its_country(given: str) -> None:
    assert phone_number(given) == "+8613800138000"


@pytest.mark.parametrize("given", ["13800138000", "+861", "+999123456789", "call me", ""])
def test_a_number_that_nobody_has_is_refused(given: str) -> None:
    with pytest.raises(InvalidAddress) as caught:
        phone_number(given)
    assert type(caught.value) is InvalidPhone, "one kind of address that nothing can be sent to"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Mo@Example.test", "mo@example.test", True),
        ("mo@bücher.example", "mo@xn--bcher-kva.example", True),
        ("mo@ＥＸＡＭＰＬＥ.test", "mo@example.test", True),
        ("jose\u0301@x.example", "José@x.example", True),
        ("mo@straße.example", "mo@strasse.example", False),
        (
            "\u0393\u0399\u03a9\u03a1\u0393\u039f\u03a3.\u0391@x.example",
            "\u03b3\u03b9\u03c9\u03c1\u03b3\u03bf\u03c2.\u03b1@x.example",
            True,
        ),
        ("groß@x.example", "gross@x.example", False),
    ],
)
def test_two_writings_are_one_mailbox_or_two(one: str, other: str, same: bool) -> None:
    assert (mailbox(one) == mailbox(other)) is same


@pytest.mark.parametrize(
    ("given", "posted_to"),
    [
        ("https://QYAPI.weixin.qq.com:443/cgi-bin/webhook/send?key=Ab", "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=Ab"),
        ("HTTPS://robots.example", "https://robots.example/"),
        ("https://robots.example:8443/x", "https://robots.example:8443/x"),
        ("http://127.0.0.1:80/x", "http://127.0.0.1/x"),
        ("http://localhost:9/x?key=1", "http://localhost:9/x?key=1"),
        ("http://[::1]:9/", "http://[::1]:9/"),
        ("https://my_robots.example./", "https://my_robots.example/"),
        ("https://xn--kse-qla.example/", "https://xn--kse-qla.example/"),
    ],
)  # fmt: skip
def test_a_webhook_has_one_form(given: str, posted_to: str) -> None:
    assert webhook_url(given) == posted_to
    assert webhook_url(posted_to) == posted_to


@pytest.mark.parametrize(
    "given",
    ["", "robots.example/x", "http://robots.example/x", "http://8.8.8.8/x", "ftp://robots.example/x", "https:///x",
     "https://ann@robots.example/", "https://a:b@robots.example/", "https://robots.example/#x", "https://robots.example/#",
     "https://robots.example:x/", "https://robots.example/a b", "https://robots.example/\n", "https://茶.example/",
     "https://[::1/", "https://robots.example/" + "x" * 2000, "https://robots..example/", f"https://{'x' * 64}.robots/",
     "https://robots.999.1/", "https://999.1.1.1/", "https://2130706433/", "https://xn--a.robots/", "https://robots%41.example/",
     "https://[fe80::1%25robots]/", "https://0x7f000001/", "https://0x7f.0.0.0x1/", "https://robots.0x/",
     f"https://{'.'.join(['x' * 63] * 4)}/"],
)  # fmt: skip
def test_what_is_no_webhook_is_refused_without_its_text(given: str) -> None:
    with pytest.raises(InvalidAddress) as caught:
        webhook_url(given)
    assert "robots" not in str(caught.value)


# Each with what it is: a host that none of our servers may be led to by somebody else.
NOT_PUBLIC = {
    "this machine": ["127.0.0.1", "127.255.255.254", "::1", "localhost", "LOCALHOST.", "tea.localhost"],
    "any address": ["0.0.0.0", "0.1.2.3", "::"],  # nothing listens
    "private": ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1", "fc00::1", "fd00::1"],
    "carrier's": ["100.64.0.1", "100.127.255.255"],
    "of one link": ["169.254.169.254", "fe80::1", "fe80::1%eth0"],
    "of one site": ["fec0::1", "feff::1"],
    "multicast": ["224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"],
    "reserved": ["240.0.0.1", "255.255.255.255", "192.0.0.8", "4000::1", "100::1"],
    "examples'": ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"],
    "measuring": ["198.18.0.1", "2001:2::1"],
    "relays and tunnels": ["192.88.99.1", "2001::1"],
    "mapped": ["::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8"],
    "compatible": ["::127.0.0.1", "::8.8.8.8"],
    "NAT64": ["64:ff9b::7f00:1", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b:1::8.8.8.8"],
    "6to4": ["2002:7f00:1::", "2002:a00:1::1", "2002:a9fe:a9fe::1"],
    "numbers": ["127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "127.0.0.1.", "1.2.3.999"],
}


@pytest.mark.parametrize(
    "host", [pytest.param(each, id=f"{what} {each}") for what, of in NOT_PUBLIC.items() for each in of]
)
def test_an_address_that_is_no_public_hosts_is_private_in_every_form(host: str) -> None:
    """M6: one place for all services."""
    assert is_private_host(host)


@pytest.mark.parametrize(
    "host",
    ["8.8.8.8", "1.1.1.1", "223.255.255.254", "2606:4700:4700::1111", "2a00:1450:4001::1", "64:ff9b::8.8.8.8",
     "2002:808:808::1", "shop.example", "7.example", "127.0.0.1.example", "localhost.example", "0x7f.example"],
)  # fmt: skip
def test_a_public_address_and_a_name_are_not_private_by_their_looks(host: str) -> None:
    assert not is_private_host(host)


_LOCAL = st.text("aZ09_+-.'!", max_size=66)
_DOMAIN = st.one_of(
    st.lists(st.text("aZ9-_", max_size=64), max_size=4).map(".".join),
    st.sampled_from(["Example.COM", "xn--kse-qla.example", "a.test", "a.localhost", "a.invalid", "1.2.3.4", "x" * 190]),
)


@given(_LOCAL, _DOMAIN)
def test_an_address_of_a_known_domain_is_judged_as_a_whole_look_would(local: str, domain: str) -> None:
    """The domain alone is looked at, once, where the local part is plain."""
    text = f"{local}@{domain}"
    try:
        looked_at = validate_email(text, check_deliverability=False, strict=True, test_environment=True).ascii_email
    except EmailNotValidError:
        with pytest.raises(InvalidAddress):
            mail_address(text)
    else:
        assert mail_address(text) == looked_at
