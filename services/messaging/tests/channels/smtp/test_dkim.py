"""Signatures that a verifier of RFC 6376 accepts, and refuses once anything that was signed is changed."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from pydantic import ValidationError

from messaging.channels.smtp.dkim import BadKey, Signer, relaxed_body, relaxed_value
from messaging.channels.smtp.mail import Mail, build
from messaging.channels.smtp.settings import SmtpSettings

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SIGNER = Signer("shop.example", "s1", KEY)
AT = datetime(2025, 3, 4, tzinfo=UTC)


def mail(text: str = "Hello.\n\nA line  with blanks \n", html: str | None = None) -> bytes:
    headers = {"List-Unsubscribe": "<https://x.example/u>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    return build(Mail("m1", "a@shop.example", "Käse & Co", "b@x.example", "Grüße", text, AT, headers, html=html))


def verify(signed: bytes) -> None:
    """As the RFC describes it, written apart from what signs. Raises InvalidSignature."""
    head, _, body = signed.partition(b"\r\n\r\n")
    fields = [f for f in re.split(rb"\r\n(?![ \t])", head) if f]
    signature = fields[0]
    assert signature.lower().startswith(b"dkim-signature:")
    tags = dict(
        (part.partition(b"=")[0].strip().decode(), re.sub(rb"\s", b"", part.partition(b"=")[2]))
        for part in signature.partition(b":")[2].split(b";")
    )
    plain = re.sub(rb"[ \t]+(?=\r\n)", b"", re.sub(rb"[ \t]+", b" ", body)).rstrip(b"\r\n")
    canonical = plain + b"\r\n" if plain else b""
    if base64.b64decode(tags["bh"]) != hashlib.sha256(canonical).digest():
        raise InvalidSignature

    def relaxed(one: bytes) -> bytes:
        name, _, value = one.partition(b":")
        return name.strip().lower() + b":" + re.sub(rb"\s+", b" ", value).strip()

    left = fields[1:]
    covered = b""
    for name in tags["h"].split(b":"):
        found = [f for f in left if f.partition(b":")[0].strip().lower() == name]
        if found:
            covered += relaxed(found[-1]) + b"\r\n"
            left.remove(found[-1])
    covered += relaxed(re.sub(rb"b=[^;]*\Z", b"b=", signature))
    KEY.public_key().verify(base64.b64decode(tags["b"]), covered, padding.PKCS1v15(), hashes.SHA256())


@pytest.mark.parametrize(
    "made", [mail(), mail("您好\n"), mail(""), mail("x\n\n\n\n"), mail("Hello.\n", "<p>Hello.</p>")]
)
def test_a_signed_mail_is_verified_and_a_changed_one_is_not(made: bytes) -> None:
    signed = SIGNER.signed(made, AT)
    assert signed.endswith(made)
    assert all(len(line) < 300 for line in signed.split(b"\r\n\r\n")[0].split(b"\r\n"))
    verify(signed)
    for was, now in (
        (b"b@x.example", b"c@x.example"),
        (b"One-Click", b"Two-Click"),
        (b"From:", b"From: x@y.z\r\nFrom:"),
    ):
        with pytest.raises(InvalidSignature):
            verify(signed.replace(was, now, 1))
    with pytest.raises(InvalidSignature):
        verify(signed + b"one more line\r\n")


def test_the_relaxed_forms_of_the_standard() -> None:
    """RFC 6376, 3.4.5; and the body of its appendix A with its published hash."""
    assert relaxed_body(b" C \r\nD \t E\r\n\r\n\r\n") == b" C\r\nD E\r\n"
    assert relaxed_value(b" Y\t\r\n\tZ  ") == b"Y Z"
    joe = b"Hi.\r\n\r\nWe lost the game. Are you hungry yet?\r\n\r\nJoe.\r\n"
    assert (
        base64.b64encode(hashlib.sha256(relaxed_body(joe)).digest()) == b"2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8="
    )
    assert relaxed_body(b"\r\n\r\n") == b""


@pytest.mark.parametrize(
    ("sender", "signs"), [("a@shop.example", True), ("a@mail.SHOP.example", True), ("a@myshop.example", False)]
)
def test_only_mails_of_the_domain_are_signed(sender: str, signs: bool) -> None:
    assert SIGNER.signs_for(sender) == signs


def test_a_key_that_cannot_sign_is_said_at_the_start(tmp_path: Path) -> None:
    wrong = tmp_path / "ec.pem"
    pem = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    wrong.write_bytes(ec.generate_private_key(ec.SECP256R1()).private_bytes(*pem))
    with pytest.raises(BadKey, match="RSA"):
        Signer.read("shop.example", "s1", wrong)
    with pytest.raises(ValidationError, match="SMTP_DKIM_KEY_FILE cannot be read"):
        SmtpSettings(smtp_dkim_domain="shop.example", smtp_dkim_key_file=tmp_path / "none")
    with pytest.raises(ValidationError, match="set both, or neither"):
        SmtpSettings(smtp_dkim_domain="shop.example")
    right = tmp_path / "rsa.pem"
    right.write_bytes(KEY.private_bytes(*pem))
    assert SmtpSettings(smtp_dkim_domain="shop.example", smtp_dkim_key_file=right).smtp_dkim_selector == "regulars"
