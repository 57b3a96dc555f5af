"""Who of the shop's people does what a request asks for: their name in the request, and the key that vouches for it."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from common.events.fields import Text
from common.http.api import CALLER
from common.http.callers import VOUCHES
from common.values.people import MOST, check_person, said_by_key


def vouched(name: str) -> str:
    """The name as it is kept: with the key of the request at hand, unless that vouches for people. What an answer to
    that key said may be sent back; a key that vouches was never answered its own. Raises ValueError as `check_person`.
    """
    caller = CALLER.get()
    if caller is None or caller.may(VOUCHES):
        return check_person(name)
    return said_by_key(check_person(name.removesuffix(said_by_key("", caller.key_id))), caller.key_id)


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
