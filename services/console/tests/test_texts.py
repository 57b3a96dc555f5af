"""Texts and templates: both languages whole, and nothing in a template that the content policy would refuse."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import console
from console.texts import Language, chosen, translated
from console.texts.chinese import CHINESE

SOURCE = Path(console.__file__).parent
TEMPLATES = sorted(SOURCE.rglob("*.html"))
_CALL = re.compile(r"""\b_\(\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""")
_HOLE = re.compile(r"\{(\w+)(?::[^{}]*)?\}")
_COUNTED = re.compile(r"\{(?!least|most)\w+\} (?:[a-z]+ )?([a-z]+s|people)\b")
_NO_NOUNS = {"as", "asks", "comes", "does", "ends", "fits", "goes", "has", "is", "its", "takes", "this", "was"}
_LATIN = re.compile(r"[A-Za-z]{3,}")
_NAMES = {"fri", "mon", "Berlin", "CSV", "Europe", "EUR", "IANA", "ISO", "JSON", "RFM", "UTC", "gzip"}
_NAMES |= {"spring", "tea", "shop", "unsubscribe", "url"}
_NAMES |= {"HTML", "VIP", "Kaplan", "Meier", "Newcombe", "stage", "returning", "quiet", "regulars", "spring_tea"}
_NAMES |= {"recover", "buyer_type", "buyer", "type", "habitual"}
_NAMES |= {"text", "thank_you", "thank", "you", "vip", "need", "goal", "state"}
_NAMES |= {"SPRING", "sample", "small", "gift", "tin", "may", "friends", "SHA"}
_NAMES |= {"NPS", "SKU", "https", "recommend", "tasting"}
_NAMES |= {"SMTP_HOST", "SMTP", "HOST", "repurchase", "ann", "example"}
_NAMES |= {"time"}
_NAMES |= {"product", "Oolong", "and", "not", "tag", "segment", "name", "tier", "shop_name", "unsubscribe_url"}
_FORBIDDEN = {
    "style=": re.compile(r"\sstyle\s*="),
    "on…=": re.compile(r"<[^>{]*\son[a-z]+\s*="),
    "|safe": re.compile(r"\|\s*safe\b"),
    "script without src": re.compile(r"<script(?![^>]*\ssrc=)"),
    "hx-on": re.compile(r"hx-on"),
    "hx-vals with js": re.compile(r"hx-vals\s*=\s*['\"]?js:"),
    "hx-trigger with a filter": re.compile(r'hx-trigger="[^"]*\['),
    "another host": re.compile(r"(?:src|href|action)\s*=\s*['\"](?:https?:)?//"),
}


def used() -> set[str]:
    """All texts that templates and pages ask for."""
    found = {str(ast.literal_eval(m[1])) for file in TEMPLATES for m in _CALL.finditer(file.read_text())}
    for file in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name in ("N_", "say") and isinstance(node.args[0], ast.Constant):
                found.add(str(node.args[0].value))
    return found


def test_every_text_that_is_used_is_translated_and_every_translation_is_used() -> None:
    """XCT: no page is half in another language."""
    assert sorted(used() - CHINESE.keys()) == []
    assert sorted(CHINESE.keys() - used()) == []


def test_a_translation_has_the_same_holes_as_its_text() -> None:
    differing = [text for text, own in CHINESE.items() if sorted(_HOLE.findall(text)) != sorted(_HOLE.findall(own))]
    assert differing == []


def test_a_number_stands_with_the_word_that_goes_with_it() -> None:
    """XCT: never `1 days`: what is counted stands as `{days:day|days}`; bounds, `{least}` and `{most}`, are not 1."""
    assert [text for text in CHINESE if set(_COUNTED.findall(text)) - _NO_NOUNS] == []
    assert [own for own in CHINESE.values() if re.search(r"\{[^}]*\|", own)] == [], "Chinese has one form"


@pytest.mark.parametrize(
    ("language", "days", "said"),
    [
        ("en", "1", "bought 1 day ago"),
        ("en", "0", "bought 0 days ago"),
        ("en", 1, "bought 1 day ago"),
        ("en", "1,001", "bought 1,001 days ago"),
        ("en", "1.5", "bought 1.5 days ago"),
    ],
)
def test_one_day_is_no_days(language: Language, days: object, said: str) -> None:
    assert translated(language, "bought {days:day|days} ago", days=days) == said


def test_no_english_word_stands_in_a_chinese_text() -> None:
    words = {word for own in CHINESE.values() for word in _LATIN.findall(_HOLE.sub("", own))}
    assert words - _NAMES == set()


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_a_template_holds_nothing_that_the_content_policy_refuses(file: Path) -> None:
    text = file.read_text()
    assert [what for what, pattern in _FORBIDDEN.items() if pattern.search(text)] == []


@pytest.mark.parametrize(
    ("cookie", "accepted", "language"),
    [
        ("zh", "en", "zh"),
        (None, "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        (None, "de,en;q=0.8", "en"),
        (None, "fr", "en"),
        ("klingon", "", "en"),
    ],
)
def test_the_language_is_the_one_chosen_else_the_browsers(cookie: str | None, accepted: str, language: str) -> None:
    assert chosen(cookie, accepted) == language


def test_a_text_without_translation_is_shown_as_it_is() -> None:
    assert translated("zh", "never seen {x}", x=1) == "never seen 1"
    assert translated("en", "{language}: {text}", language="zh", text="茶") == "zh: 茶", "a hole may have any name"
