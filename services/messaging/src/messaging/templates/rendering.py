"""Texts of messages: sandboxed Jinja2 over the templates of the package; the first line is the subject."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from functools import cache
from html import escape
from itertools import product
from typing import Any

import jinja2

from messaging.templates.document import TemplateDocument
from messaging.templates.environment import environment, local_day
from messaging.templates.markup import page
from messaging.templates.sandbox import fill

LANGUAGES = ("en", "zh")
NOBODY = {"en": "customer", "zh": "顾客"}
"""What a provider's own text is filled in with where no name is known; it takes no empty value."""


_TEXTS = environment(html=False)


_OPT_OUT = {
    "en": {
        "why": "You receive this because you agreed to hear from {shop}.",
        "link": "Unsubscribe",
        "short": " Reply STOP to opt out.",
    },
    "zh": {"why": "您同意接收 {shop} 的消息，因此收到本邮件。", "link": "退订", "short": "回T退订"},
}


_SENT_BACK = re.compile(
    r"(?i:\b(?:reply|text|send|answer)\b[^.!?]{0,30})\bSTOP\b"
    r"|\bSTOP\b\s*(?i:(?:to|=|2)\s*(?:opt|end|quit|unsub|cancel))|退订"
)


@cache
def known_templates() -> frozenset[str]:
    """The names of the texts that there are."""
    texts = (name.split("/") for name in _TEXTS.list_templates(extensions=["txt"]))
    return frozenset(parts[1].removesuffix(".txt") for parts in texts if len(parts) == 2)


class IncompleteText(Exception):
    """The text asks for a value that is not there: nobody gets half a message."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a message says; a short one has no subject. `html`: of a mail, beside its text."""

    subject: str
    text: str
    html: str | None = None


def filled_in(details: Mapping[str, Any], zone: tzinfo) -> dict[str, str]:
    """The values of a text in words, for a provider that has the text itself; instants (`…_at`, `…_by`) as dates."""
    return {
        name: local_day(str(value), zone) if name.endswith(("_at", "_by")) else str(value)
        for name, value in details.items()
        if value is not None
    }


def language_of(tag: str | None) -> str:
    """The language of texts for a BCP 47 tag such as zh-CN; English where we have none."""
    language = (tag or "").replace("_", "-").split("-")[0].lower()
    return language if language in LANGUAGES else "en"


def render_with(
    own: TemplateDocument | None,
    template: str,
    language: str | None,
    values: Mapping[str, Any],
    *,
    short: bool = False,
) -> Rendered:
    """The shop's own text, else the package's. Raises IncompleteText."""
    if own is None:
        return render(template, language, values, short=short)
    try:
        return render_own(own, language, values, short=short)
    except Exception as error:
        # Somebody else's text: whatever is wrong with it keeps this message alone from leaving.
        raise IncompleteText(f"{template}: {error}") from error


def lacking(own: TemplateDocument | None, template: str, *samples: Mapping[str, Any]) -> str | None:
    """Why the text cannot be written of a message that has one of these sets of values, besides what all have, in one
    of its languages, long or short; None where it can."""
    always = {"shop_name": "Shop", "unsubscribe_url": "https://shop.example/u/t", "answers_read": True, "zone": UTC}
    for language in LANGUAGES if own is None else own.texts:
        for values, name, short in product(samples, (None, "Name"), (False, True)):
            try:
                render_with(own, template, language, {**always, "name": name, **values}, short=short)
            except IncompleteText as error:
                # What else is wrong with it may be the sample's fault.
                if isinstance(error.__cause__, jinja2.UndefinedError):
                    return str(error.__cause__)
    return None


def render_own(
    own: TemplateDocument, language: str | None, values: Mapping[str, Any], *, short: bool = False
) -> Rendered:
    """A shop's own text, with the standard words for unsubscribing where it has none of its own.

    Raises jinja2.TemplateError, BadTemplate and BadMarkup.
    """
    spoken = own_language(own, language)
    texts = own.texts[spoken]
    url = values.get("unsubscribe_url")
    words = _OPT_OUT.get(spoken, _OPT_OUT["en"])
    if short:
        filled = fill(texts.short, values).strip()
        said = "" if url is None or mentions_opt_out(filled, str(url)) else words["short"]
        return Rendered("", f"{filled}{said}")
    subject = " ".join(fill(texts.subject, values).split())
    text = fill(texts.text, values).strip() + "\n"
    if url is not None and str(url) not in text:
        text += f"\n--\n{words['why'].format(shop=values.get('shop_name', ''))} {words['link']}: {url}\n"
    if texts.html is None:
        return Rendered(subject, text)
    markup = fill(texts.html, values, html=True)
    # An installation that is tried on one machine has an address without TLS.
    ours = [str(values[name]) for name in ("unsubscribe_url", "answer_url") if values.get(name) is not None]
    html = page(markup, subject, spoken, ours)
    if url is not None and f'href="{escape(str(url))}"' not in html:
        said = words["why"].format(shop=escape(str(values.get("shop_name", ""))))
        markup += f'<hr><p>{said} <a href="{escape(str(url))}">{words["link"]}</a></p>'
        html = page(markup, subject, spoken, ours)
    return Rendered(subject, text, html)


def own_language(own: TemplateDocument, tag: str | None) -> str:
    """The language of the shop's texts for a BCP 47 tag: the customer's, English, or the first that there is."""
    wanted = (tag or "").replace("_", "-").split("-")[0].lower()
    return next((language for language in (wanted, "en") if language in own.texts), next(iter(own.texts)))


def mentions_opt_out(short: str, url: str) -> bool:
    """Whether a filled-in short text says itself how to opt out: by the link, or by a word that is to be sent back."""
    return url in short or _SENT_BACK.search(short) is not None


def render(flow: str, language: str | None, values: Mapping[str, Any], *, short: bool = False) -> Rendered:
    """The text of a flow; a short one has no subject. Raises IncompleteText."""
    folder = f"{language_of(language)}/short" if short else language_of(language)
    try:
        filled = _TEXTS.get_template(f"{folder}/{flow}.txt").render(values)
    except (jinja2.TemplateError, TypeError, ValueError, OverflowError) as error:
        raise IncompleteText(f"{flow}: {error}") from error
    if short:
        return Rendered("", filled.strip())
    subject, _, text = filled.partition("\n")
    # A header is one line, whatever a value held.
    return Rendered(" ".join(subject.removeprefix("Subject:").split()), text.strip() + "\n")
