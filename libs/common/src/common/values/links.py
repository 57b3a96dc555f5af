"""Links whose address bears a token: one list of their kinds, for the routes that answer and the log that hides it.

Who reads the token may answer, opt out or report in the place of whom it was made for.
"""

from __future__ import annotations

import re
from typing import Literal, get_args

LinkKind = Literal[
    "badges", "c", "inbox", "invitation", "l", "mail/answers", "mail/reports", "preferences", "q", "recovery", "s",
    "sms/aliyun/receipts", "sms/aliyun/replies", "sms/twilio/receipts", "sms/twilio/replies", "unsubscribe",
]  # fmt: skip
KINDS: tuple[LinkKind, ...] = get_args(LinkKind)
"""What stands before the token. `common.http.api.assert_scoped` lets no service start with a kind that is not here."""
PLACE = "{token}"
_TOKEN = re.compile(rf"(/(?:{'|'.join(KINDS)})/)[^\s/\"'?]+")


def link(kind: LinkKind, rest: str = "") -> str:
    """The path of a route that answers such links; `rest` follows the token."""
    return f"/{kind}/{PLACE}{rest}"


def is_link(path: str) -> bool:
    """Whether a route's path is one that `link` gives."""
    return any(path == link(kind) or path.startswith(link(kind, "/")) for kind in KINDS)


def without_tokens(text: str) -> str:
    """A path, or a text with addresses, without the tokens of links."""
    return _TOKEN.sub(r"\1***", text)
