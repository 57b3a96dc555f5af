"""The one check of e-mail addresses, phone numbers and webhook URLs, at every door and at hand-off; no network."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from functools import lru_cache
from urllib.parse import urlsplit

import phonenumbers
from email_validator import EmailNotValidError, validate_email

_URL = re.compile(r"[!-~]{1,2000}")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"(?=.{{1,253}}$)(?:{_LABEL}\.)*(?!(?:[0-9]+|0x[0-9a-f]*)$){_LABEL}")
"""A name that can be looked up (RFC 1035, and `_`, which is common); what ends in a number is an IPv4 address, also in
hexadecimal digits."""
_PLAIN = re.compile(r"([A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*)@([A-Za-z0-9.-]{1,189})")
"""A local part that is in its one form already, and a domain. Within 254 octets, as the local part is of 64 at most."""

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_GIVEN_OUT = ipaddress.IPv6Network("2000::/3")
_ALSO_NOT_PUBLIC = tuple(
    map(
        ipaddress.ip_network,
        (
            "192.0.0.0/24",  # protocol assignments (RFC 6890)
            "192.88.99.0/24",  # relays of 6to4, given up (RFC 7526)
            "2001::/23",  # protocol assignments, Teredo among them (RFC 2928)
            "3fff::/20",  # documentation (RFC 9637)
        ),
    )
)
"""Of IANA's registries of special addresses, what the standard library's `is_global` does not know in each version."""


class InvalidAddress(ValueError):
    """Nothing can be sent to this address; the message says why, without the address."""


class InvalidPhone(InvalidAddress):
    """Nobody has this phone number, so nothing can be sent to it; the message says how to write one."""


def mail_address(text: str, *, utf8: bool = False) -> str:
    """The address as it goes over the wire: domain in lower case, an internationalised one as A-labels (RFC 5890).

    A local part beyond ASCII needs a server that offers SMTPUTF8 (RFC 6531): it is refused unless `utf8`, and then
    stands in NFC. Quoted local parts, IP literals and names without a dot are refused; `.test` is taken (RFC 6761).
    Raises InvalidAddress.
    """
    plain = _PLAIN.fullmatch(text)
    if plain is not None and len(plain[1]) <= 64 and (domain := _domain(plain[2])) is not None:
        return f"{plain[1]}@{domain}"
    try:
        found = validate_email(text, check_deliverability=False, strict=True, test_environment=True)
    except EmailNotValidError as error:
        raise InvalidAddress(str(error)) from None
    if found.ascii_email is not None:
        return found.ascii_email
    if not utf8:
        raise InvalidAddress("The part before the @-sign must be ASCII: no mail server here takes any other.")
    return f"{found.local_part}@{found.ascii_domain}"


@lru_cache(maxsize=4096)
def _domain(text: str) -> str | None:
    """The domain's one form, None where no mail can be sent there. Most mailboxes are of few domains, and to look at
    one again for each takes as long as to write the mail."""
    try:
        return validate_email(f"a@{text}", check_deliverability=False, strict=True, test_environment=True).ascii_domain
    except EmailNotValidError:
        return None


def mailbox(text: str) -> str:
    """The one form of an address by which two writings of a mailbox are found to be the same.

    As `mail_address`, with the local part in small letters and in NFC: RFC 5321 lets a server tell `Mo` from `mo`, but
    none that matters does. `groß` and `gross` are two, as domains of these names are; Greek's small sigma at a word's
    end is the one within it. Dots and `+tags` stay: where they count is the server's affair. Raises InvalidAddress.
    """
    return unicodedata.normalize("NFC", mail_address(text, utf8=True).lower()).replace("\u03c2", "\u03c3")


def phone_number(text: str) -> str:
    """The number as E.164. Raises InvalidPhone: a number without its country's code belongs to nobody."""
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        raise InvalidPhone("write it with + and the country: +8613800138000") from None
    if not phonenumbers.is_possible_number(number) or not phonenumbers.is_valid_number(number):
        raise InvalidPhone("there is no such number in that country")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def webhook_url(text: str) -> str:
    """The URL of a webhook in its one form: host in lower case, without the port that goes without saying.

    `https` alone; `http` only to a host that is private by its looks (`localhost`, an address of a private network),
    as in tests. No user, no fragment, ASCII, at most 2,000 characters. Raises InvalidAddress.
    """
    try:
        url = urlsplit(text if _URL.fullmatch(text) else "")
        port = url.port
    except ValueError:
        raise InvalidAddress("This is no URL.") from None
    host = (url.hostname or "").rstrip(".")
    if url.scheme not in ("https", "http") or not host:
        raise InvalidAddress("A webhook's URL begins with https:// and is at most 2,000 ASCII characters.")
    if not _is_name(host) and not _is_address(host):
        raise InvalidAddress("A webhook's URL names a host: labels of 1 to 63 letters, digits and -, or an address.")
    if "@" in url.netloc or url.fragment or "#" in text:
        raise InvalidAddress("A webhook's URL holds no user and no fragment.")
    if url.scheme == "http" and not is_private_host(host):
        raise InvalidAddress("A webhook's URL begins with https://: over http its key would be read on the way.")
    host = f"[{host}]" if ":" in host else host
    away = port is None or port == {"https": 443, "http": 80}[url.scheme]
    query = f"?{url.query}" if url.query else ""
    return f"{url.scheme}://{host}{'' if away else f':{port}'}{url.path or '/'}{query}"


def _is_name(host: str) -> bool:
    return _HOST.fullmatch(host) is not None and ("xn--" not in host or _domain(host) is not None)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return "%" not in host


def is_private_host(host: str) -> bool:
    """Whether a host is not of the public internet by its looks; no name is looked up.

    Addresses as `is_public_address` says. A name is private if it is `localhost`, or a number in one of the forms that
    the C library reads as an IPv4 address (`127.1`, `0x7f000001`, `2130706433`), whichever that is.
    """
    try:
        return not is_public_address(ipaddress.ip_address(host))
    except ValueError:
        name = host.rstrip(".").lower()
        last = name.rpartition(".")[2]
        return last == "localhost" or re.fullmatch(r"[0-9]+|0x[0-9a-f]*", last) is not None


def is_public_address(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether an address is one host's of the public internet. The one place that says so.

    What holds an IPv4 address and is translated into it on the way (NAT64 of RFC 6052, 6to4) is judged by that one.
    Other addresses of IPv6 are public within 2000::/3 alone, all that IANA has given out: so are not `::127.0.0.1`,
    mapped, site-local and multicast ones.
    """
    if isinstance(address, ipaddress.IPv6Address):
        held = address.sixtofour
        if held is None and address in _NAT64:
            held = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if held is not None:
            return is_public_address(held)
        if address not in _GIVEN_OUT:
            return False
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not any(address.version == network.version and address in network for network in _ALSO_NOT_PUBLIC)
    )
