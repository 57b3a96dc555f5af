"""What somebody wrote, without what they answered (MSG-061)."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.consent.keywords import keyword_of
from messaging.replies.html_text import text_of
from messaging.replies.quoted import answer_in, unquoted_in

HEADED = "From: what I know it is good\nTo: all of you\nbye"
ATTRIBUTED = "On Monday I wrote that it is late:\nstill nothing"
ANSWERS = [
    ("plain", "Is it there in green?\n", "Is it there in green?"),
    ("Gmail", "Yes\n\nOn Tue, 4 Mar 2025 at 10:00, Shop <shop@x.test>\nwrote:\n> Hello\n> you\n", "Yes"),
    ("below what is quoted", "On Tue, 4 Mar 2025, Shop wrote:\n> Hello\n\nMy answer\n", "My answer"),
    ("between", "> Which size?\nThirty eight.\n> Which colour?\nGreen.\n", "Thirty eight.\nGreen."),
    ("QQ", "好的\n\n------------------ 原始邮件 ------------------\n发件人: shop\n", "好的"),
    ("Outlook", "Thanks\n\nFrom: Shop <a@b>\nSent: Monday\nTo: me\nSubject: x\n\nHello", "Thanks"),
    ("Outlook, Chinese", "谢谢\n\n发件人: Shop <a@b>\n发送时间: 2025年3月4日\n收件人: 我\n主题: x\n\n你好", "谢谢"),
    ("Outlook's line", "Thanks\n________________________________\nHello", "Thanks"),
    ("not marked as quoted", "Hi\n\n在 2025年3月4日，Shop <a@b> 写道：\n\nHello", "Hi"),
    ("German", "Ja\n\nAm 4.3.2025 um 10:00 schrieb Shop:\n> Guten Tag", "Ja"),
    ("French", "Oui\n\nLe 4 mars 2025 à 10:00, Shop a écrit :\n> Bonjour", "Oui"),
    ("signature", "Green, please\n-- \nAnn\n+86 138 0013 8000", "Green, please"),
    ("telephone", "退订\n\n发自我的iPhone", "退订"),
    ("another telephone", "STOP\n\nSent from my Galaxy", "STOP"),
    (
        "words like headers",
        "From: what I know it is good\nTo: all of you\nbye",
        "From: what I know it is good\nTo: all of you\nbye",
    ),
    (
        "words like an attribution",
        "On Monday I wrote that it is late:\nstill nothing",
        "On Monday I wrote that it is late:\nstill nothing",
    ),
    ("a day is no date", "On Monday I wrote:\nMy cup is broken.", "On Monday I wrote:\nMy cup is broken."),
    ("a day over quoted lines", "Late.\nOn Monday, Shop wrote:\n> Hello", "Late."),
    (
        "a slip",
        "On my order slip you wrote:\n3 cups\nbut I got two.",
        "On my order slip you wrote:\n3 cups\nbut I got two.",
    ),
    ("a line that is drawn", "Hello,\n--\nmy order is late", "Hello,\n--\nmy order is late"),
    ("heads without a date", "From: me\nTo: you\nDate: now\nwhere is it", "From: me\nTo: you\nDate: now\nwhere is it"),
    ("German telephone", "STOP\n\nVon meinem iPhone gesendet\n\n> Am 03.11.2026 schrieb Shop <a@b>:\n> bla", "STOP"),
    ("French telephone", "STOP\n\nEnvoyé de mon iPhone", "STOP"),
    ("Japanese telephone", "STOP\n\niPhoneから送信", "STOP"),
    ("Italian", "STOP\n\nIl giorno mar 3 nov 2026 alle ore 10:00 Shop <a@b> ha scritto:\n\n> text", "STOP"),
    ("Dutch", "STOP\n\nOp di 3 nov 2026 om 10:00 schreef Shop <a@b>:\n\n> text", "STOP"),
    ("Portuguese", "STOP\n\nEm ter., 3 de nov. de 2026, Shop <a@b> escreveu:\n\n> x", "STOP"),
    ("Japanese", "STOP\n\n2026年11月3日(火) 10:00 Shop <a@b>:\n\n> text", "STOP"),
    ("any language, at once", "STOP\ntir. 3. nov. 2026 kl. 10:00 skrev Shop <a@b>:\n> text", "STOP"),
    ("Chinese, at once", "退订\nShop <a@b> 于2025年3月4日 10:00写道：\nHello", "退订"),
    ("at once", "it is on its way?\nOn 4 Mar 2025, Shop wrote:\n> Hello", "it is on its way?"),
    ("on my way, at once", "on my way\nOn 4 Mar 2025, Shop wrote:\n> Hello", "on my way"),
    ("nothing of their own", "> Hello\n> you", ""),
]


@pytest.mark.parametrize(("text", "answer"), [(t, a) for _, t, a in ANSWERS], ids=[name for name, _, _ in ANSWERS])
def test_the_answer_alone_is_kept(text: str, answer: str) -> None:
    assert answer_in(text) == answer
    assert answer_in(text.replace("\n", "\r\n")) == answer


@pytest.mark.parametrize(
    ("text", "unquoted"),
    [
        ("On 4 March 2026 I wrote:\nMy cup is broken.", "On 4 March 2026 I wrote:\nMy cup is broken."),
        (
            "From: Shop <a@b>\nSent: Monday\nTo: me\n\nIt is late.",
            "From: Shop <a@b>\nSent: Monday\nTo: me\n\nIt is late.",
        ),
        ("On Tue, 4 Mar 2025, Shop <a@b> wrote:\n> Hello\n", ""),
        ("\n\nSent from my iPhone", ""),
        ("-- \nAnn", ""),
    ],
)
def test_nothing_of_a_customer_is_lost_for_a_guess(text: str, unquoted: str) -> None:
    assert answer_in(text) == ""
    assert unquoted_in(text) == unquoted


@given(st.text(max_size=300))
def test_no_text_breaks_it_and_nothing_is_added(text: str) -> None:
    said = answer_in(text)
    assert set(said.split()) <= set(text.split())
    assert answer_in(said) == said or len(answer_in(said)) < len(said)


def test_a_hostile_text_costs_little() -> None:
    answer_in("on " + "wrote " * 200_000 + ":")
    answer_in(("on x wrote " * 60 + ":\n") * 5_000)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        (
            "<p>Yes, <b>please</b><br>two</p><div class='gmail_quote'>On … <blockquote>Hello</blockquote></div>",
            "Yes, please\ntwo",
        ),
        ("<style>p{}</style><p>a&nbsp;&lt;b&gt;</p><script>x()</script>", "a <b>"),
        ("<blockquote>theirs</blockquote>mine", "mine"),
        ("<div id=divRplyFwdMsg>From: shop</div>", ""),
        ("<p>open <b>never <i>closed", "open never closed"),
        ("<p>a<!-- <p", "a<!-- <p"),
        ("<html><head><meta charset=utf-8><body>STOP</body></html>", "STOP"),
        ("<html><head><title>Re: Hello</title><style>p{}</style><body><p>STOP", "STOP"),
        ("<!DOCTYPE html><head><div>My cup is broken</div>", "My cup is broken"),
        ("<div><template>x</template>STOP", "STOP"),
        ("<div><template>STOP", "STOP"),
        ("<p>a<!-- <b>c</b> > -->d<!--[if mso]><p>e</p><![endif]-->", "ad"),
        ("<p>I paid 5 < 6 <b>euros</b>", "I paid 5 < 6 euros"),
        ("<style>unclosed <p>STOP", "unclosed\nSTOP"),
    ],
)
def test_html_is_read_as_a_reader_sees_it(html: str, text: str) -> None:
    assert text_of(html) == text


@pytest.mark.parametrize("part", ["<a ", "<!--", '<p a="', "<p a='>", "<a b=c/ ", "</", "<?", "<style></styl"])
def test_hostile_html_costs_little(part: str) -> None:
    """A text of 200,000 characters took minutes."""
    began = time.process_time()
    text_of(part * (200_000 // len(part)))
    assert time.process_time() - began < 5.0


def test_a_mail_of_one_word_is_an_opt_out_but_not_by_the_words_of_gateways() -> None:
    for word in (
        "STOP",
        "unsubscribe",
        "退订",
        "拒收",
        "Stop.",
        "Abmelden",
        "désabonner",
        "Please unsubscribe",
        "STOP\n—\nAnn",
    ):
        assert keyword_of(word, by_mail=True) == "out"
    for word in ("cancel", "end", "T", "R", "quit"):
        assert (keyword_of(word), keyword_of(word, by_mail=True)) == ("out", None)
    assert keyword_of("start", by_mail=True) == "in"
