"""Style and script, under names that hold a hash of what they are, so that browsers may keep them."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

STATIC = Path(__file__).parents[1] / "static"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@cache
def _found() -> dict[str, tuple[bytes, str]]:
    """Content and media type by the name in URLs: `app.css` is `<hash>/app.css`."""
    found = {}
    for file in sorted(STATIC.rglob("*")):
        if file.is_file() and file.suffix in _TYPES:
            content = file.read_bytes()
            name = file.relative_to(STATIC).as_posix()
            found[f"{hashlib.sha256(content).hexdigest()[:16]}/{name}"] = (content, _TYPES[file.suffix])
    return found


@cache
def address(name: str) -> str:
    """The path of the file. Raises KeyError where there is none."""
    for hashed in _found():
        if hashed.partition("/")[2] == name:
            return f"/static/{hashed}"
    raise KeyError(name)


def get(hashed: str) -> tuple[bytes, str] | None:
    """Content and media type; None for a name that is not ours."""
    return _found().get(hashed)
