"""Texts and headers of mails as mail programs write them: charsets misnamed, unknown, or not named at all."""

from __future__ import annotations

import codecs
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message

_WIDER = {"gb2312": "gb18030", "gbk": "gb18030", "ascii": "utf-8", "iso8859-1": "cp1252", "shift_jis": "cp932"}
"""What programs write that name the narrower one."""
_OF_TEXTS = (
    "utf",
    "iso8859",
    "iso2022",
    "cp",
    "koi8",
    "gb",
    "big5",
    "euc",
    "shift",
    "hz",
    "johab",
    "mac",
    "tis",
)
_GUESSED = ("utf-8", "gb18030")
"""Tried in this order where the charset that is named does not fit. UTF-8 fits nothing else by chance."""


def decoded(raw: bytes, charset: str | None) -> str:
    """The text in the charset that is named, else in the one that fits; what fits none is replaced. Never raises."""
    named = _known(charset)
    for name in ([named] if named else []) + [guess for guess in _GUESSED if guess != named]:
        try:
            return raw.decode(name)
        except (UnicodeDecodeError, ValueError):
            continue
    return raw.decode(named or "utf-8", "replace")


def _known(charset: str | None) -> str | None:
    """The codec of a charset; None for unknown ones, and for codecs that are none of texts, such as `punycode`."""
    try:
        name = codecs.lookup(str(charset).strip("\"' ")).name.lower() if charset else ""
    except (LookupError, ValueError):
        return None
    name = _WIDER.get(name, name)
    return name if name.replace("_", "").startswith(_OF_TEXTS) else None


def written(mail: Message, name: str) -> str:
    """A header's text on one line as it was written, encoded words and all; '' where there is none. Never raises."""
    wanted = name.lower()
    # Beyond ASCII the library would give up on it.
    found = next((str(value) for key, value in mail.raw_items() if key.lower() == wanted), "")
    if any(0xDC80 <= ord(c) <= 0xDCFF for c in found):
        found = decoded(found.encode("utf-8", "surrogateescape"), None)
    return " ".join(found.replace("\0", "").split())


def header(mail: Message, name: str) -> str:
    """A header's text on one line; '' where there is none. Never raises."""
    found = written(mail, name)
    try:
        parts = decode_header(found)
    except (HeaderParseError, ValueError):
        parts = [(found, None)]
    texts = [decoded(part, charset) if isinstance(part, bytes) else part for part, charset in parts]
    return " ".join("".join(texts).replace("\0", "").split())
