"""Pages that a customer opens from a message: small, without account, script or anything loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import DictLoader, Environment, StrictUndefined, Template

HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex",
}
_LAYOUT = """\
<!doctype html>
<html lang="{{ language }}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ words.title }}{% if shop %} - {{ shop }}{% endif %}</title>
<style>body{font:1.1rem/1.6 sans-serif;max-width:32rem;margin:2rem auto;padding:0 1rem}
label{display:inline-block;margin:.5rem 1rem .5rem 0}textarea{width:100%;font:inherit;box-sizing:border-box}
fieldset{min-width:0}h1,label,legend{overflow-wrap:anywhere}.shop{color:#555;overflow-wrap:anywhere}
button{font:inherit;padding:.5rem 1.5rem}input[type=file]{font:inherit;max-width:100%}
.note{font-weight:bold}</style></head>
<body><main>
{% if shop %}<p class="shop">{{ shop }}</p>{% endif %}
{% if note %}<p class="note" role="status">{{ words[note] }}</p>{% endif %}
{% block body %}{% endblock %}
</main></body></html>
"""
_environment = Environment(
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    loader=DictLoader({"layout": _LAYOUT}),
)


def body(source: str) -> Template:
    """A page with this Jinja source as its body; it is given `words`, `note`, `shop` and what more `answer` gets."""
    return _environment.from_string('{% extends "layout" %}{% block body %}' + source + "{% endblock %}")


def answer(
    page: Template,
    request: Request,
    status: int,
    words: Mapping[str, Mapping[str, str]],
    *,
    note: str | None = None,
    shop: str | None = None,
    **values: Any,
) -> HTMLResponse:
    """The page in the reader's language. `words`: by language (`en`, `zh`), then by name; `title` must be among them.

    `note` names the words that stand first, as what has become of a request. `shop`: its name, as the page's head.
    """
    asked = request.headers.get("accept-language", "").strip().lower()
    language = "zh" if asked.startswith("zh") else "en"
    html = page.render(language=language, words=words[language], note=note, shop=shop, **values)
    return HTMLResponse(html, status, HEADERS)
