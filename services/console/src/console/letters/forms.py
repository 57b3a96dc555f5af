"""A template's form: titles and texts in two languages, samples of values; and the document that messaging takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from console.texts import N_

_SLUG = re.compile(r"[a-z][a-z0-9_]{0,39}")
KINDS = ("greeting", "promotion", "information", "service")
LANGUAGES = {"en": N_("in English"), "zh": N_("in Chinese")}
PARTS = {"subject": N_("Subject"), "text": N_("Text"), "short": N_("Short text, for text messages and chats")}
LONGEST = {"subject": 500, "text": 20_000, "short": 2_000}


class Read(NamedTuple):
    """`wrong`: sentences by field; the document is whole where there are none."""

    document: dict[str, Any]
    wrong: dict[str, str]


def written(document: Mapping[str, Any]) -> dict[str, str]:
    """The form of a template that is there."""
    form = {"template": document["template"], "title": document["title"], "kind": document["kind"]}
    form["values"] = "\n".join(f"{name} = {sample}" for name, sample in document["values"].items())
    for language in LANGUAGES:
        texts = document["texts"].get(language) or {}
        form |= {f"{part}.{language}": texts.get(part) or "" for part in PARTS}
    return form


def read(form: Mapping[str, str], base: Mapping[str, Any] | None) -> Read:
    """The document of a form; languages and HTML that it does not show stay as in `base`."""
    wrong: dict[str, str] = {}
    name, title = form.get("template", "").strip(), form.get("title", "").strip()
    if not _SLUG.fullmatch(name):
        wrong["template"] = N_("Give it an id of small letters, digits and _, such as spring_tea.")
    if not 0 < len(title) <= 200:
        wrong["title"] = N_("Say it in a few words.")
    kind = form.get("kind", "")
    if kind not in KINDS:
        wrong["kind"] = N_("Choose one of the list.")
    values: dict[str, str] = {}
    for line in filter(str.strip, form.get("values", "").splitlines()):
        what, _, sample = (each.strip() for each in line.replace("＝", "=", 1).partition("="))
        if not _SLUG.fullmatch(what) or len(sample) > 500 or len(values) >= 30:
            wrong["values"] = N_("Write one value a line with a sample, such as: product = Oolong.")
        values[what] = sample
    texts = dict((base or {}).get("texts", {}))
    for language in LANGUAGES:
        said = {part: form.get(f"{part}.{language}", "").strip() for part in PARTS}
        if not any(said.values()):
            texts.pop(language, None)
            continue
        for part, text in said.items():
            if not 0 < len(text) <= LONGEST[part]:
                wrong[f"{part}.{language}"] = N_("A language has a subject, a text and a short text, or none of them.")
        texts[language] = {**(texts.get(language) or {}), **said}
    if not texts:
        wrong["subject.en"] = N_("Write it in at least one language.")
    return Read({"template": name, "title": title, "kind": kind, "values": values, "texts": texts}, wrong)
