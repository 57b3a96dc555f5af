"""Addresses at which gateways speak to us; each holds a secret that only we can make, so that nobody else does."""

from __future__ import annotations

import hmac

from itsdangerous import BadData

from common.crypto.sealing import derived_key
from messaging.tokens.signed import SignedTokens


class GatewayLinks:
    """One link for each message's receipt, and one token for what a gateway says of the whole account."""

    def __init__(self, master: bytes, public_url: str) -> None:
        self._public_url = public_url.rstrip("/")
        self._serializer = SignedTokens(derived_key(master, "sms-receipts"), "receipt")
        # Another key: a mail's reference is seen by whoever gets the mail, and is no receipt of a gateway's.
        self._references = SignedTokens(derived_key(master, "mail-references"), "reference")
        self._token = derived_key(master, "sms-gateway").hex()
        self._mail_token = derived_key(master, "mail-reports").hex()

    def receipt_url(self, shop: str, message_id: str) -> str:
        """Where a gateway is to say what became of one message."""
        return f"{self._public_url}/sms/twilio/receipts/{self._serializer.dumps([shop, message_id])}"

    def reference(self, shop: str, message_id: str) -> str:
        """The signed name of a message, which nobody else can make: for what is said of it in a report by mail."""
        return str(self._references.dumps([shop, message_id]))

    def read_reference(self, text: str) -> tuple[str, str] | None:
        """(shop, message id) of a signed name; None where it is not ours."""
        return _place(self._references, text)

    def read_receipt(self, token: str) -> tuple[str, str] | None:
        """(shop, message id) that a token names; None where it is not ours."""
        return _place(self._serializer, token)

    def is_ours(self, token: str) -> bool:
        """Whether the token of an account's callback is the one that we gave out."""
        return hmac.compare_digest(token.encode(), self._token.encode())

    def is_the_mail_servers(self, token: str) -> bool:
        """Whether the token is the one that our own mail server was given."""
        return hmac.compare_digest(token.encode(), self._mail_token.encode())

    @property
    def mail_reports(self) -> str:
        """Where the mail server is to post bounces and complaints."""
        return f"{self._public_url}/mail/reports/{self._mail_token}"

    @property
    def mail_answers(self) -> str:
        """Where a mail provider is to post answers of customers."""
        return f"{self._public_url}/mail/answers/{self._mail_token}"

    @property
    def callbacks(self) -> dict[str, str]:
        """The addresses to be set up in the account of the gateway, by what is said there."""
        return {
            "aliyun_receipts": f"{self._public_url}/sms/aliyun/receipts/{self._token}",
            "aliyun_replies": f"{self._public_url}/sms/aliyun/replies/{self._token}",
            "twilio_replies": f"{self._public_url}/sms/twilio/replies/{self._token}",
        }


def _place(serializer: SignedTokens, text: str) -> tuple[str, str] | None:
    try:
        shop, message_id = serializer.loads(text)
    except (BadData, ValueError, TypeError):
        return None
    return str(shop), str(message_id)
