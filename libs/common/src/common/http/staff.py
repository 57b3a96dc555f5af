"""Who of the shop's people does what a request asks for: their name in the request, and the key that vouches for it."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from common.events.fields import Text
from common.http.api import CALLER
from common.http.callers import VOUCHES
from common.values.names import check_line
from common.values.people import is_said_by_key, said_by_key

MOST = 400
"""Characters without the key, for which a Text leaves room."""


def vouched(name: str) -> str:
    """The name as it is kept: with the key of the request at hand, unless that vouches for people. What an answer to
    that key said may be sent back. Raises ValueError for what names nobody, could hide the key from who reads it, or
    looks like another key's word."""
    caller = CALLER.get()
    if caller is not None:
        name = name.removesuffix(said_by_key("", caller.key_id))
    name = check_line(name.strip())
    if len(name) > MOST:
        raise ValueError(f"must have at most {MOST} characters")
    if is_said_by_key(name):
        raise ValueError(
            "must not end in `(key …)` of another key: so end names that a key says, which are written here"
        )
    return name if caller is None or caller.may(VOUCHES) else said_by_key(name, caller.key_id)


Staff = Annotated[
    Text,
    AfterValidator(vouched),
    Field(
        json_schema_extra={"maxLength": MOST},
        description="who of the shop's people does this, in one line; kept with the key's prefix behind it, "
        "`mara (key 1a2b3c4d)`, unless the key has the scope `people:vouch`",
    ),
]
"""A name in a request's body or query (SEC-004, SEC-012). Within a request of a key that does not vouch for people the
value names the key, which is one person whatever names its holder gives."""
