"""Texts of messages: sandboxed Jinja2 over the templates of the package; the first line is the subject."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

import jinja2
import jinja2.runtime
from jinja2.sandbox import ImmutableSandboxedEnvironment

LANGUAGES = ("en", "zh")
NOBODY = {"en": "customer", "zh": "顾客"}
"""What a provider's own text is filled in with where no name is known; it takes no empty value."""


class _NoCalls(ImmutableSandboxedEnvironment):
    """Texts fill in values; nothing in them is called."""

    def is_safe_callable(self, obj: Any) -> bool:
        return False


@jinja2.pass_context
def _day(context: jinja2.runtime.Context, instant: str) -> str:
    """The date of an instant (RFC 3339) where the recipient is: in the value `zone`, a tzinfo; else in UTC."""
    zone = context.get("zone")
    return local_day(instant, zone if isinstance(zone, tzinfo) else UTC)


def _environment() -> _NoCalls:
    environment = _NoCalls(
        loader=jinja2.PackageLoader("messaging", "templates"),
        undefined=jinja2.StrictUndefined,
        autoescape=jinja2.select_autoescape(enabled_extensions=("html",), default_for_string=True),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.clear()
    environment.filters["day"] = _day
    return environment


_TEXTS = _environment()


class IncompleteText(Exception):
    """The text asks for a value that is not there: nobody gets half a message."""


@dataclass(frozen=True, slots=True)
class Rendered:
    subject: str
    text: str


def filled_in(details: Mapping[str, Any], zone: tzinfo) -> dict[str, str]:
    """The values of a text in words, for a provider that has the text itself; instants (`…_at`, `…_by`) as dates."""
    return {
        name: local_day(str(value), zone) if name.endswith(("_at", "_by")) else str(value)
        for name, value in details.items()
        if value is not None
    }


def local_day(instant: str, zone: tzinfo) -> str:
    """The date of an instant (RFC 3339) in a zone."""
    return datetime.fromisoformat(instant).astimezone(zone).date().isoformat()


def language_of(tag: str | None) -> str:
    """The language of texts for a BCP 47 tag such as zh-CN; English where we have none."""
    language = (tag or "").replace("_", "-").split("-")[0].lower()
    return language if language in LANGUAGES else "en"


def render(flow: str, language: str | None, values: Mapping[str, Any], *, short: bool = False) -> Rendered:
    """The text of a flow; a short one has no subject. Raises IncompleteText."""
    folder = f"{language_of(language)}/short" if short else language_of(language)
    try:
        filled = _TEXTS.get_template(f"{folder}/{flow}.txt").render(values)
    except jinja2.TemplateError as error:
        raise IncompleteText(f"{flow}: {error}") from error
    if short:
        return Rendered("", filled.strip())
    subject, _, text = filled.partition("\n")
    # A header is one line, whatever a value held.
    return Rendered(" ".join(subject.removeprefix("Subject:").split()), text.strip() + "\n")
