"""The page on which a customer answers, behind a signed link: no account, no script, nothing loaded."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Form, Request
from fastapi.responses import HTMLResponse

from common.crypto.keys import KeyRing
from common.http import pages
from common.http.api import Router, Tx, public
from common.shops.settings import display_names
from common.storage.database import Transaction
from feedback.commands.answers import AlreadyAnswered, accept_answers
from feedback.commands.sealing import UnknownCustomer
from feedback.surveys import store as surveys
from feedback.surveys.links import AnswerLinks, BadLink
from feedback.surveys.rules import MOST_CHARACTERS, AnswerUnfit, answers_from_form
from feedback.surveys.state import Survey

router = Router(tags=["answer page"])
PAGES: dict[int | str, dict[str, Any]] = {
    status: {"description": meaning, "content": {"text/html": {"schema": {"type": "string"}}}}
    for status, meaning in {
        404: "a bad link",
        409: "answered before, otherwise",
        422: "what to mend",
        503: "later",
    }.items()
}
"""Every answer here is a page, since a person reads it."""
WORDS = {
    "en": {
        "title": "How do you like your purchase?", "order": "Order", "stars": "Stars",
        "text": "What would you tell us?", "send": "Send", "thanks": "Thank you. Your answer has been stored.",
        "already": "You have answered this question already. Your first answer stands.",
        "bad": "This link is not complete. Please open it again from the message, whole.",
        "later": "Your answer cannot be stored right now. Please try again in a few minutes.",
        "stars_missing": "Please choose one to five stars.", "stars_invalid": "Please choose one to five stars.",
        "text_too_long": f"Please use at most {MOST_CHARACTERS:,} characters.",
        "text_invalid": "The text contains a character that cannot be stored.",
    },
    "zh": {
        "title": "您对这次购买的商品满意吗?", "order": "订单", "stars": "星级", "text": "想对我们说些什么?",
        "send": "提交", "thanks": "谢谢!您的回答已保存。",
        "already": "您已经回答过这个问题,以第一次的回答为准。",
        "bad": "链接不完整,请从消息中重新打开完整的链接。",
        "later": "暂时无法保存您的回答,请几分钟后再试。",
        "stars_missing": "请选择一到五星。", "stars_invalid": "请选择一到五星。",
        "text_too_long": f"最多 {MOST_CHARACTERS} 个字。",
        "text_invalid": "文字中含有无法保存的字符。",
    },
}  # fmt: skip
_PAGE = pages.body("""\
{% if survey %}
<h1>{{ words.title }}</h1>
<p>{{ words.order }} {{ survey.order_id }}</p>
<form method="post">
<fieldset><legend>{{ words.stars }}</legend>
{% for n in range(1, 6) %}
<label><input type="radio" name="stars" value="{{ n }}" required
{% if stars == n|string %} checked{% endif %}> {{ n }}</label>
{% endfor %}
</fieldset>
<p><label for="text">{{ words.text }}</label>
<textarea id="text" name="text" rows="5" maxlength="{{ most }}">{{ text }}</textarea></p>
<button>{{ words.send }}</button>
</form>
{% endif %}
""")


def _page(
    request: Request,
    status: int,
    note: str | None,
    shop: str | None = None,
    survey: Survey | None = None,
    stars: str = "",
    text: str = "",
) -> HTMLResponse:
    return pages.answer(
        _PAGE,
        request,
        status,
        WORDS,
        note=note,
        shop=shop,
        survey=survey,
        stars=stars,
        text=text,
        most=MOST_CHARACTERS,
    )


async def _name(tx: Transaction, survey: Survey) -> str:
    return (await display_names(tx, [survey.shop], tx.clock.now()))[survey.shop]


async def _asked(request: Request, tx: Transaction, token: str) -> Survey | None:
    """The survey that a link names; None for a bad link, and for one whose survey is not here."""
    runtime = request.app.state.runtime
    try:
        shop, survey_id = AnswerLinks(runtime.master, runtime.settings.public_url).read(token)
    except BadLink:
        return None
    return await surveys.get_survey(tx, shop, survey_id)


@router.get("/s/{token}", response_class=HTMLResponse, responses=PAGES, dependencies=[public("the link is signed")])
async def show_question(token: str, request: Request, tx: Tx) -> HTMLResponse:
    """The question with its form. Changes nothing: mail programs open links on their own."""
    survey = await _asked(request, tx, token)
    if survey is None:
        return _page(request, 404, "bad")
    shop = await _name(tx, survey)
    if survey.answered_at is not None:
        return _page(request, 200, "already", shop)
    return _page(request, 200, None, shop, survey)


@router.post("/s/{token}", response_class=HTMLResponse, responses=PAGES, dependencies=[public("the link is signed")])
async def take_answer(
    token: str, request: Request, tx: Tx, stars: Annotated[str, Form()] = "", text: Annotated[str, Form()] = ""
) -> HTMLResponse:
    """Take the answer; the same again is thanked again, another one gets a page that says that the first stands."""
    survey = await _asked(request, tx, token)
    if survey is None:
        return _page(request, 404, "bad")
    shop = await _name(tx, survey)
    keys: KeyRing = request.app.state.runtime.keys
    try:
        await accept_answers(tx, keys, survey, answers_from_form(stars, text))
    except AnswerUnfit as refused:
        return _page(request, 422, refused.slug, shop, survey, stars, text[: MOST_CHARACTERS * 2])
    except AlreadyAnswered:
        return _page(request, 409, "already", shop)
    except UnknownCustomer:
        return _page(request, 503, "later", shop, survey, stars, text)
    return _page(request, 200, "thanks", shop)
