"""Is this profile usable? E-mail, phone and zone are checked here once, so that messaging need not ask again."""

from __future__ import annotations

from datetime import date
from zoneinfo import available_timezones

from common.addresses import InvalidAddress, InvalidPhone, mail_address, phone_number
from common.events import InvalidEvent
from common.events.customers import CustomerProfile

_ZONES = frozenset(available_timezones())


def cleaned_email(text: str) -> str:
    """The address as mail is sent to it. Raises InvalidEvent."""
    try:
        return mail_address(text)
    except InvalidAddress as error:
        raise InvalidEvent("invalid_email", f"data.email: {error}") from None


def cleaned_phone(text: str) -> str:
    """The number as E.164. Raises InvalidEvent."""
    try:
        return phone_number(text)
    except InvalidPhone as error:
        raise InvalidEvent("invalid_phone", f"data.phone: {error}") from None


def cleaned_zone(text: str) -> str:
    if text not in _ZONES:
        raise InvalidEvent("invalid_zone", f"data.zone: {text!r} is no IANA zone such as Asia/Shanghai")
    return text


def cleaned_birthday(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise InvalidEvent("invalid_birthday", "data.birthday: an ISO date such as 1990-02-28") from None


CHECKS = {"email": cleaned_email, "phone": cleaned_phone, "zone": cleaned_zone, "birthday": cleaned_birthday}


def cleaned(profile: CustomerProfile) -> CustomerProfile:
    """The profile with its address, number, zone and birthday in normal form. Raises InvalidEvent."""
    update = {name: check(value) for name, check in CHECKS.items() if (value := getattr(profile, name)) is not None}
    return profile.model_copy(update=update) if update else profile
