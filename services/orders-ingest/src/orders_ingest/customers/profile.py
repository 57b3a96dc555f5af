"""Cleaning of profiles: e-mail, phone and zone are checked here once, so that messaging need not check again; interests
to which the customer did not agree end here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from common.events import InvalidEvent
from common.events.customers import CustomerProfile
from common.time.calendar import ZONE_NAMES
from common.values.addresses import InvalidAddress, InvalidPhone, mail_address, phone_number, webhook_url
from orders_ingest.customers.derived import born_from, life_state

_FIRST_BIRTHDAY = date(1900, 1, 1)
_FARTHEST_EAST = timedelta(hours=14)


class LeftOut(NamedTuple):
    """A field of a profile that cannot be used, and why; the rest of the profile is taken."""

    field: str
    slug: str
    detail: str


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


def cleaned_chat(text: str) -> str:
    """The URL of the customer's group robot. Raises InvalidEvent."""
    try:
        return webhook_url(text)
    except InvalidAddress as error:
        raise InvalidEvent("invalid_chat", f"data.chat: {error}") from None


def cleaned_zone(text: str) -> str:
    if text not in ZONE_NAMES:
        raise InvalidEvent("invalid_zone", f"data.zone: {text!r} is no IANA zone such as Asia/Shanghai")
    return text


def cleaned_birthday(text: str, now: datetime) -> str:
    """A day of the calendar from 1900 on that has begun somewhere on Earth."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InvalidEvent("invalid_birthday", "data.birthday: an ISO date such as 1990-02-28") from None
    if not _FIRST_BIRTHDAY <= day <= (now + _FARTHEST_EAST).date():
        raise InvalidEvent("invalid_birthday", "data.birthday: a day since 1900 that is not in the future")
    return day.isoformat()


def cleaned(profile: CustomerProfile, now: datetime) -> tuple[CustomerProfile, tuple[LeftOut, ...]]:
    """The profile with its address, number, zone and birthday in normal form, without those that cannot be used, and
    without interests that the customer did not agree to have kept (SEC-008).

    What follows from address and birthday, and is not said, is added.
    """
    update: dict[str, Any] = {}
    left_out: list[LeftOut] = []
    for name, check in CHECKS.items():
        value = getattr(profile, name)
        if value is None:
            continue
        try:
            update[name] = check(value, now)
        except InvalidEvent as error:
            update[name] = None
            left_out.append(LeftOut(name, error.slug, str(error).removeprefix(f"data.{name}: ")))
    agreed = tuple(one for one in profile.interests if one.consented)
    if (refused := len(profile.interests) - len(agreed)) > 0:
        update["interests"] = agreed
        detail = f"{refused} to which the customer did not agree (`consented`): not kept"
        left_out.append(LeftOut("interests", "no_consent", detail))
    if profile.life_state is None and profile.address is not None:
        update["life_state"] = life_state(profile.address)
    birthday = update.get("birthday")
    if profile.born_from is None and isinstance(birthday, str):
        update["born_from"] = born_from(birthday)
    return (profile.model_copy(update=update) if update else profile), tuple(left_out)


CHECKS: dict[str, Callable[[str, datetime], str]] = {
    "email": lambda text, _: cleaned_email(text),
    "phone": lambda text, _: cleaned_phone(text),
    "chat": lambda text, _: cleaned_chat(text),
    "zone": lambda text, _: cleaned_zone(text),
    "birthday": cleaned_birthday,
}
