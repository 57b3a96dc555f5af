"""Mails of customers, as the tests write them."""

from __future__ import annotations

from email.message import EmailMessage


def mail(text: str = "Is it there in green?", **headers: str) -> bytes:
    """A mail of c1's to the shop; headers by name with `_` for `-`, '' leaves one away."""
    made = EmailMessage()
    given = {
        "From": "Ann <c1@example.test>",
        "To": "shop@shop.test",
        "Subject": "Re: Hello",
        "Message-ID": "<a1@example.test>",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    for name, value in given.items():
        if value:
            made[name] = value
    made.set_content(text)
    return made.as_bytes()
