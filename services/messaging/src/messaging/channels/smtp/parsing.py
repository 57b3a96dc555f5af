"""Mails that come in, parsed at a bounded cost: whoever knows the address may write anything.

The parser of the standard library tests every line against each open multipart, and reads parameters and encoded words
of a header in the square of its length: a mail of 1 MB could cost minutes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from email import message_from_bytes
from email.message import Message
from email.policy import Compat32

LARGEST = 1024 * 1024
"""What is beyond is not read: attachments, of which the text comes before."""
_MOST_LINES = 20_000
"""More than 1 MB has of an attachment in base64."""
_MOST_PARTED = 30
_MOST_OF_HEADER = 8_000
_LINE = re.compile(rb"\r\n|\r|\n")
_PARTED = re.compile(rb"\bboundary[\s*0-9]{0,20}=", re.IGNORECASE)


class _Bounded(Compat32):
    """The library's usual policy, which keeps the beginning of each header."""

    def header_source_parse(self, sourcelines: Sequence[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(list(sourcelines))
        return name, value[:_MOST_OF_HEADER]


_POLICY = _Bounded()


def parsed(raw: bytes) -> Message:
    """The mail, as far as it is read: up to `LARGEST` bytes, 20,000 lines, 30 multiparts.

    Raises what the library does of a mail it gives up on: ValueError, LookupError, TypeError, AttributeError,
    RecursionError.
    """
    read = raw[:LARGEST]
    for pattern, most in ((_LINE, _MOST_LINES), (_PARTED, _MOST_PARTED)):
        for count, found in enumerate(pattern.finditer(read)):
            if count == most:
                read = read[: found.start()]
                break
    return message_from_bytes(read, policy=_POLICY)
