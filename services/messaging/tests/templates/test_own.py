"""Templates that a shop writes: what is taken, what is refused, what a mail program gets."""

from __future__ import annotations

import email
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.channels.smtp.mail import Mail, build
from messaging.templates.checks import advice, problems, values_of
from messaging.templates.document import TemplateDocument
from messaging.templates.markup import STYLES, BadMarkup, page
from messaging.templates.rendering import IncompleteText, own_language, render_own, render_with
from messaging.templates.sandbox import FILTERS, BadTemplate, check

SPRING: dict[str, Any] = {
    "template": "spring",
    "title": "Spring",
    "kind": "promotion",
    "values": {"gift": "a cup"},
    "texts": {
        "en": {
            "subject": "Spring at {{ shop_name }}",
            "text": "{% if name %}Dear {{ name }}{% else %}Hello{% endif %},\n\n{{ gift | capitalize }} waits for you.",
            "short": "{{ shop_name }}: {{ gift }} waits for you.",
            "html": "<h1>Hello {{ name | default('friend', true) }}</h1><p>{{ gift }}</p>",
        },
        "zh": {"subject": "春天来了", "text": "{{ gift }}等着您。", "short": "{{ gift }}等着您。"},
    },
}


def changed(**fields: Any) -> TemplateDocument:
    return TemplateDocument.model_validate({**SPRING, "texts": {"en": {**SPRING["texts"]["en"], **fields}}})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{{ 'x' * 1000000000 }}", "not mul"),
        ("{% for a in name %}x{% endfor %}", "not for"),
        ("{{ name.upper() }}", "not call"),
        ("{{ name.__class__ }}", "not getattr"),
        ("{{ ''['__class__'] }}", "not getitem"),
        ("{% set a = 1 %}", "not assign"),
        ("{% include 'tier' %}", "not include"),
        ("{{ name | attr('x') }}", "there is no filter 'attr'"),
        ("{{ name | center(99999999) }}", "there is no filter 'center'"),
        ("{{ name is callable }}", "there is no test 'callable'"),
        ("{{ name", "line 1"),
        ("Dear {{ nickname }}", "'nickname' is no value that is known"),
        ("Your coupon {{ coupon }}", "cannot be filled in"),
        ("{% if name %}Dear {{ name }}{% endif %}", "nothing is left of it"),
        ("\u200b\u2028", "nothing is left of it"),
        ("{{ '{{' }} name }}", "a placeholder is left over"),
    ],
)
def test_what_would_not_be_filled_in_for_everybody_is_refused(text: str, says: str) -> None:
    """MSG-052: never "Dear {name}"."""
    assert problems(TemplateDocument.model_validate(SPRING)) == []
    found = problems(changed(text=text))
    assert any(says in sentence for sentence in found), found


@pytest.mark.parametrize(
    ("html", "says"),
    [
        ("<script>alert(1)</script>", "<script> is not taken"),
        ("<p onclick='x'>a</p>", "takes no attribute 'onclick'"),
        ("<a href='javascript:x'>a</a>", "must begin with https://"),
        ("<img src='https://x.example/a.png'>", "needs an `alt`"),
        ("<p>a", "<p> is not closed"),
        ("<p>a</h1>", "</h1> closes nothing"),
    ],
)
def test_markup_that_mail_programs_break_on_is_refused(html: str, says: str) -> None:
    with pytest.raises(BadMarkup, match=says):
        page(html, "S", "en")
    assert any(says in sentence for sentence in problems(changed(html=html)))


def test_what_a_value_holds_is_text_in_a_text_and_in_html() -> None:
    document = TemplateDocument.model_validate(SPRING)
    values = values_of(document, {"name": "<b>{{ 7 * 7 }}</b>\r\nBcc: x"})
    rendered = render_own(document, "en", values)
    assert "Dear <b>{{ 7 * 7 }}</b>" in rendered.text
    assert rendered.html is not None
    assert "&lt;b&gt;{{ 7 * 7 }}&lt;/b&gt;" in rendered.html
    assert "\n" not in rendered.subject


def test_an_installation_without_tls_writes_its_own_links_and_no_others() -> None:
    """As one does that is tried on one machine: every offer in HTML would be suppressed as incomplete."""
    url = "http://127.0.0.1:8104/unsubscribe/t"
    document = changed(html="<p>Hello</p>")
    assert f'href="{url}"' in (render_own(document, "en", values_of(document, {"unsubscribe_url": url})).html or "")
    other = changed(html='<p><a href="http://127.0.0.1:8104/other">x</a></p>')
    with pytest.raises(BadMarkup):
        render_own(other, "en", values_of(other, {"unsubscribe_url": url}))


def test_offers_get_the_standard_words_for_unsubscribing() -> None:
    """MSG-009."""
    document, url = TemplateDocument.model_validate(SPRING), "https://shop.example/unsubscribe/t"
    values = values_of(document, {"unsubscribe_url": url})
    long, short = (render_own(document, "en", values, short=s) for s in (False, True))
    assert f"Unsubscribe: {url}" in long.text
    assert long.html is not None
    assert f'href="{url}"' in long.html
    assert short.text.endswith("Reply STOP to opt out.")
    assert "退订" in render_own(document, "zh", values, short=True).text
    own = changed(text="Hello. Stop this: {{ unsubscribe_url }}", html=None)
    notice = values_of(own, {"unsubscribe_url": url})
    assert render_own(own, "en", notice).text.count(url) == 1
    assert "nsubscribe" not in render_own(document, "en", values_of(document, {})).text


@pytest.mark.parametrize(
    "short",
    ["Our NONSTOP sale starts now", "Don't STOP shopping", "Sale {# unsubscribe_url #}", "STOPOVER offers for you"],
)
def test_a_word_that_only_looks_like_it_is_no_way_to_opt_out(short: str) -> None:
    """MSG-009, SEC-011: what the customer reads decides, not what stands in the source."""
    url = "https://shop.example/unsubscribe/t"
    own = changed(
        short=short,
        text="Hello {# unsubscribe_url #}{% if unsubscribe_url is defined and false %}x{% endif %}",
        html="<p>Hello</p>{# unsubscribe_url #}",
    )
    values = values_of(own, {"unsubscribe_url": url})
    long, brief = (render_own(own, "en", values, short=s) for s in (False, True))
    assert brief.text.endswith(" Reply STOP to opt out.")
    assert long.text.count(url) == 1
    assert f'href="{url}"' in (long.html or "")


@pytest.mark.parametrize(
    "short", ["Sale! Reply STOP to end", "Sale. STOP to unsubscribe", "大促 回T退订", "{{ unsubscribe_url }}"]
)
def test_a_short_text_may_say_itself_how_to_opt_out(short: str) -> None:
    own = changed(short=short)
    said = render_own(own, "en", values_of(own, {"unsubscribe_url": "https://s.example/u"}), short=True).text
    assert "Reply STOP to opt out." not in said


NESTED = ["{% if name %}" * 600 + "x" + "{% endif %}" * 600, "{{ " + "(" * 4000 + "name" + ")" * 4000 + " }}"]


@pytest.mark.parametrize(
    "text",
    [
        "{% if gift > 100 %}x{% endif %}y",
        "{{ name | day }}",
        "{{ '9999-12-31T23:59:59-14:00' | day }}",
        "{{ " + "9" * 5_000 + " }}",
        "{{ name" + " | upper" * 2_000 + " }}",
        "{{ " + "not " * 4_000 + "name }}",
        *NESTED,
    ],
)
def test_a_text_that_cannot_be_filled_in_is_refused_and_stops_no_other_message(text: str) -> None:
    """MSG-052: one shop's text is never the end of a sender that all shops share."""
    own = changed(text=text, html=None)
    assert problems(own) != []
    with pytest.raises(IncompleteText):
        render_with(own, "spring", "en", values_of(own, {"name": None}))


def test_a_value_of_another_kind_than_the_samples_keeps_back_that_message_alone() -> None:
    """Samples are texts; what a flow knows may be a number."""
    own = changed(text='{% if gift > "5" %}many{% else %}few{% endif %}', html=None)
    assert problems(own) == []
    with pytest.raises(IncompleteText):
        render_with(own, "spring", "en", values_of(own, {"gift": 7}))


def test_a_mail_program_gets_tables_inlined_styles_and_a_dark_mode() -> None:
    drawn = page("<h1>A</h1><p>B <a href='https://x.example'>c</a></p>", "S & T", "zh")
    assert "<title>S &amp; T</title>" in drawn
    assert f'<p style="{STYLES["p"]}">' in drawn
    assert 'role="presentation"' in drawn
    assert "prefers-color-scheme:dark" in drawn
    assert 'lang="zh"' in drawn


@pytest.mark.parametrize(("tag", "language"), [("zh-CN", "zh"), ("fr", "en"), (None, "en"), ("EN_us", "en")])
def test_the_language_is_the_customers_where_there_is_a_text(tag: str | None, language: str) -> None:
    assert own_language(TemplateDocument.model_validate(SPRING), tag) == language
    french = TemplateDocument.model_validate({**SPRING, "texts": {"fr": SPRING["texts"]["zh"]}})
    assert own_language(french, tag) == "fr"


def test_what_could_be_better_is_said_and_saved_all_the_same() -> None:
    """MSG-024."""
    long = changed(subject="x" * 61, text="y" * 2001, short="很" * 140)
    assert problems(long) == []
    said = " ".join(advice(long))
    assert all(words in said for words in ("61 characters", "2001 characters", "3 parts", "no text in zh"))
    assert advice(TemplateDocument.model_validate(SPRING)) == []


def test_a_mail_carries_text_and_html_beside_each_other() -> None:
    document = TemplateDocument.model_validate(SPRING)
    rendered = render_own(document, "zh", values_of(document, {}))
    assert rendered.html is None
    english = render_own(document, "en", values_of(document, {"name": "Ann"}))
    mail = Mail(
        "m1", "a@shop.example", "Shop", "b@x.example", english.subject, english.text, datetime(2025, 3, 4, tzinfo=UTC),
        {}, html=english.html,
    )  # fmt: skip
    read = email.message_from_bytes(build(mail))
    assert read.get_content_type() == "multipart/alternative"
    plain, html = (part.get_payload(decode=True).decode() for part in read.get_payload())  # type: ignore[union-attr]
    assert plain.replace("\r\n", "\n").strip() == english.text.strip()
    assert html.replace("\r\n", "\n").strip() == (english.html or "").strip()


WORDS = st.sampled_from(
    ["{{", "}}", "{%", "%}", "if", "endif", "name", "|", "default", "'", "x", " ", "*", "(", ")", "."]
)


@given(st.lists(WORDS, max_size=25).map("".join))
def test_whatever_is_written_is_checked_or_refused_and_nothing_else(text: str) -> None:
    try:
        asked = check(text)
    except BadTemplate:
        return
    assert asked <= {"name", "x", "default", "namename"} | {a for a in asked if a.isidentifier()}
    assert FILTERS
