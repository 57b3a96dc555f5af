"""Who of the shop's people does what a request asks for: their name in the body, and the key that vouches for it."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from common.events.fields import Text
from common.http.api import CALLER
from common.http.callers import VOUCHES
from common.values.people import is_said_by_key, said_by_key

MOST = 400  # leaves room for the key within a Text


def _vouched(name: str) -> str:
    name = name.strip()
    if not name:
        raise ValueError("must say something")
    if is_said_by_key(name):
        raise ValueError("must not end in `(key …)`: so end names for which a key vouches, which are written here")
    caller = CALLER.get()
    return name if caller is None or caller.may(VOUCHES) else said_by_key(name, caller.key_id)


Staff = Annotated[
    Text,
    AfterValidator(_vouched),
    Field(
        max_length=MOST,
        description="who of the shop's people does this; kept with the key's prefix behind it, `mara (key 1a2b3c4d)`, "
        "unless the key has the scope `people:vouch`",
    ),
]
"""A name in a request's body (SEC-004, SEC-012). Within a request of a key that does not vouch for people the value
names the key, which is one person whatever names its holder gives."""
