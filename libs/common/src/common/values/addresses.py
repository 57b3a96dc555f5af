"""The one check of e-mail addresses and phone numbers, at every door and at hand-off. No network, no DNS."""

from __future__ import annotations

import unicodedata

import phonenumbers
from email_validator import EmailNotValidError, validate_email


class InvalidAddress(ValueError):
    """No mail can be sent to this address; the message says why, without the address."""


class InvalidPhone(ValueError):
    """Nobody has this phone number; the message says how to write one."""


def mail_address(text: str, *, utf8: bool = False) -> str:
    """The address as it goes over the wire: domain in lower case, an internationalised one as A-labels (RFC 5890).

    A local part beyond ASCII needs a server that offers SMTPUTF8 (RFC 6531): it is refused unless `utf8`, and then
    stands in NFC. Quoted local parts, IP literals and names without a dot are refused; `.test` is taken (RFC 6761).
    Raises InvalidAddress.
    """
    try:
        found = validate_email(text, check_deliverability=False, strict=True, test_environment=True)
    except EmailNotValidError as error:
        raise InvalidAddress(str(error)) from None
    if found.ascii_email is not None:
        return found.ascii_email
    if not utf8:
        raise InvalidAddress("The part before the @-sign must be ASCII: no mail server here takes any other.")
    return f"{found.local_part}@{found.ascii_domain}"


def mailbox(text: str) -> str:
    """The one form of an address by which two writings of a mailbox are found to be the same.

    As `mail_address`, with the local part in one case and in NFC: RFC 5321 lets a server tell `Mo` from `mo`, but none
    that matters does. Dots and `+tags` stay: where they count is the server's affair. Raises InvalidAddress.
    """
    return unicodedata.normalize("NFC", mail_address(text, utf8=True).casefold())


def phone_number(text: str) -> str:
    """The number as E.164. Raises InvalidPhone: a number without its country's code belongs to nobody."""
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        raise InvalidPhone("write it with + and the country: +8613800138000") from None
    if not phonenumbers.is_possible_number(number) or not phonenumbers.is_valid_number(number):
        raise InvalidPhone("there is no such number in that country")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
