"""HTML of mails: a few tags that every mail program shows, styles inlined, laid out in tables, with a dark mode."""

from __future__ import annotations

from collections.abc import Collection
from html import escape
from html.parser import HTMLParser

STYLES = {
    "p": "margin:0 0 16px;font-size:16px;line-height:24px",
    "h1": "margin:0 0 16px;font-size:24px;line-height:30px",
    "h2": "margin:0 0 12px;font-size:20px;line-height:26px",
    "a": "color:#1a56db;text-decoration:underline",
    "ul": "margin:0 0 16px;padding:0 0 0 24px;font-size:16px;line-height:24px",
    "ol": "margin:0 0 16px;padding:0 0 0 24px;font-size:16px;line-height:24px",
    "li": "margin:0 0 4px",
    "img": "display:block;max-width:100%;height:auto;border:0;margin:0 0 16px",
    "strong": "",
    "em": "",
    "br": "",
    "hr": "border:0;border-top:1px solid #dadce0;margin:16px 0",
}
"""The tags that are taken, each with the style that is written into it: mail programs drop style sheets."""
ATTRIBUTES = {"a": ("href",), "img": ("src", "alt", "width")}
ENDLESS = ("br", "hr", "img")
_PAGE = """\
<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">
<title>{subject}</title>
<style>:root{{color-scheme:light dark}}
@media (prefers-color-scheme:dark){{.page,.card{{background:#1f1f1f!important}}.card{{color:#e8eaed!important}}\
.card a{{color:#8ab4f8!important}}}}</style></head>
<body class="page" style="margin:0;padding:0;background:#f4f5f7">
<table class="page" role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" \
style="table-layout:fixed;background:#f4f5f7"><tr><td align="center" style="padding:24px 12px">
<!--[if mso]><table role="presentation" width="600" align="center" cellpadding="0" cellspacing="0" border="0"><tr><td>\
<![endif]-->
<table class="card" role="presentation" width="600" cellpadding="0" cellspacing="0" border="0" \
style="width:100%;max-width:600px;table-layout:fixed;overflow-wrap:break-word;background:#ffffff;color:#202124;font-family:Helvetica,Arial,sans-serif">
<tr><td style="padding:24px">
{body}
</td></tr></table>
<!--[if mso]></td></tr></table><![endif]-->
</td></tr></table></body></html>
"""
"""Mail programs drop style sheets, and Outlook on Windows knows no `max-width`: it alone reads the table around it."""


class BadMarkup(ValueError):
    """A tag or an address that no mail of ours has; the message says which."""


class _Inliner(HTMLParser):
    """Writes the markup anew: what is taken with its style, everything else refused."""

    def __init__(self, ours: Collection[str]) -> None:
        super().__init__(convert_charrefs=True)
        self._ours = ours
        self.written: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in STYLES:
            raise BadMarkup(f"<{tag}> is not taken: use {', '.join(sorted(STYLES))}")
        kept = ""
        for name, value in attrs:
            if name not in ATTRIBUTES.get(tag, ()):
                raise BadMarkup(f"<{tag}> takes no attribute {name!r}")
            safe = (value or "").startswith(("https://", "mailto:")) or (name == "href" and value in self._ours)
            if name in ("href", "src") and not safe:
                raise BadMarkup(f"{name} of <{tag}> must begin with https:// or mailto:")
            kept += f' {name}="{escape(value or "")}"'
        if tag == "img" and not dict(attrs).get("alt"):
            raise BadMarkup("<img> needs an `alt`: many mail programs show no pictures")
        style = f' style="{STYLES[tag]}"' if STYLES[tag] else ""
        self.written.append(f"<{tag}{kept}{style}>")
        if tag not in ENDLESS:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1] != tag:
            raise BadMarkup(f"</{tag}> closes nothing that is open")
        self._open.pop()
        self.written.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self.written.append(escape(data, quote=False))

    def handle_comment(self, data: str) -> None:
        return None

    def close(self) -> None:
        super().close()
        if self._open:
            raise BadMarkup(f"<{self._open[-1]}> is not closed")


def page(markup: str, subject: str, language: str, ours: Collection[str] = ()) -> str:
    """The whole page of a mail. `ours`: links of our own, which begin as the installation's address does.

    Raises BadMarkup for what is not taken.
    """
    inliner = _Inliner(ours)
    inliner.feed(markup)
    inliner.close()
    return _PAGE.format(language=escape(language), subject=escape(subject), body="".join(inliner.written))
