"""The sandbox of all texts: nothing in them is called, a missing value is an error, HTML is escaped."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from functools import cache
from typing import Any

import jinja2
import jinja2.runtime
from jinja2.sandbox import ImmutableSandboxedEnvironment


class _NoCalls(ImmutableSandboxedEnvironment):
    """Texts fill in values; nothing in them is called."""

    def is_safe_callable(self, obj: Any) -> bool:
        return False


@jinja2.pass_context
def _day(context: jinja2.runtime.Context, instant: str) -> str:
    """The date of an instant (RFC 3339) where the recipient is: in the value `zone`, a tzinfo; else in UTC."""
    zone = context.get("zone")
    # Of a value that is missing `str` says which; the instant alone would not.
    return local_day(str(instant), zone if isinstance(zone, tzinfo) else UTC)


@cache
def environment(*, html: bool) -> jinja2.Environment:
    """The environment of plain texts, or of HTML; the package's own texts are plain."""
    made = _NoCalls(
        loader=None if html else jinja2.PackageLoader("messaging", "templates"),
        undefined=jinja2.StrictUndefined,
        autoescape=html,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.clear()
    made.filters["day"] = _day
    return made


def local_day(instant: str, zone: tzinfo) -> str:
    """The date of an instant (RFC 3339) in a zone."""
    return datetime.fromisoformat(instant).astimezone(zone).date().isoformat()
