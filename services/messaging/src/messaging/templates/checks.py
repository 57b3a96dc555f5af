"""What is wrong with a template before it is saved, tried on sample customers; and what could be better."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC
from typing import Any

import jinja2

from common.values.names import shows
from messaging.channels.sms.segments import segments_of
from messaging.templates.document import TemplateDocument, Texts
from messaging.templates.rendering import render_own
from messaging.templates.sandbox import BadTemplate, check

ALWAYS = frozenset({"name", "shop_name", "unsubscribe_url", "answers_read", "coupon", "tier"})
"""Values that every text may ask for; `coupon` and `tier` only where it asks whether they are defined."""
PERHAPS = ("coupon", "tier")
LONG_SUBJECT, LONG_TEXT, MANY_PARTS = 60, 2_000, 2
SAMPLES: tuple[Mapping[str, Any], ...] = (
    {"name": None},
    {"name": "O'Brien & Söhne <b>"},
    {"name": "欧阳", "coupon": "SPRING-1", "tier": "VIP"},
)


def problems(document: TemplateDocument) -> list[str]:
    """A sentence for each thing that is wrong; none where the template may be saved."""
    found: list[str] = []
    for language, texts in document.texts.items():
        wrong = list(_of_texts(language, texts, document))
        found += wrong or _of_samples(language, document)
    return found


def _of_texts(language: str, texts: Texts, document: TemplateDocument) -> Iterator[str]:
    known = ALWAYS | set(document.values)
    for field in ("subject", "text", "short", "html"):
        source = getattr(texts, field)
        if source is None:
            continue
        try:
            asked = check(source)
        except BadTemplate as error:
            yield f"texts.{language}.{field}: {error}"
            continue
        for name in sorted(asked - known):
            yield f"texts.{language}.{field}: {name!r} is no value that is known: give it a sample in `values`"


def _of_samples(language: str, document: TemplateDocument) -> list[str]:
    """The texts with each sample customer: nothing may be missing, and no brace be left over."""
    for sample in SAMPLES:
        for url in (None, "https://shop.example/unsubscribe/t"):
            values = values_of(document, {**sample, "unsubscribe_url": url})
            for short in (False, True):
                try:
                    rendered = render_own(document, language, values, short=short)
                except (jinja2.TemplateError, ValueError) as error:
                    who = "a customer without a name" if sample["name"] is None else "a sample customer"
                    return [f"texts.{language}: cannot be filled in for {who}: {error}"]
                if "{{" in rendered.text + rendered.subject or "{%" in rendered.text:
                    return [f"texts.{language}: a placeholder is left over in the filled-in text"]
                if not shows(rendered.text) or not (short or shows(rendered.subject)):
                    return [f"texts.{language}: nothing is left of it for a sample customer"]
    return []


def values_of(document: TemplateDocument, more: Mapping[str, Any]) -> dict[str, Any]:
    """The template's sample values, with those that every message has."""
    always = {"name": None, "shop_name": "Shop", "unsubscribe_url": None, "answers_read": False, "zone": UTC}
    return {**always, **document.values, **more}


def advice(document: TemplateDocument) -> list[str]:
    """What could be better: long subjects and texts, costly text messages, a language that is missing (MSG-024)."""
    found = [f"there is no text in {language}" for language in ("en", "zh") if language not in document.texts]
    for language in document.texts:
        values = values_of(document, {"name": "Name", "unsubscribe_url": "https://shop.example/u/t"})
        long = render_own(document, language, values_of(document, {"name": "Name"}))
        characters = len(long.text.strip())
        parts = segments_of(render_own(document, language, values, short=True).text)
        if len(long.subject) > LONG_SUBJECT:
            found.append(f"texts.{language}.subject: {len(long.subject)} characters; telephones show {LONG_SUBJECT}")
        if characters > LONG_TEXT:
            found.append(f"texts.{language}.text: {characters} characters; what matters comes first, in {LONG_TEXT}")
        if parts.parts > MANY_PARTS:
            found.append(f"texts.{language}.short: {parts.parts} parts as a text message ({parts.encoding})")
    return found
