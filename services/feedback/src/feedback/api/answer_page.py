"""The page on which a customer answers, behind a signed link: no account, no script, nothing loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from common.crypto.keys import KeyRing
from common.events.feedback import MOST_ANSWERS, MOST_CHOICES
from common.http import pages
from common.http.api import Router, Tx, public
from common.shops.settings import display_names
from common.storage.database import Transaction
from common.values.links import link
from feedback.commands.answers import AlreadyAnswered, accept_answers
from feedback.commands.sealing import CustomerErased, UnknownCustomer
from feedback.forms.rules import AnswerUnfit, answers_from_fields
from feedback.forms.state import MOST_CHARACTERS, Form
from feedback.policy.state import form_of
from feedback.policy.store import get_versions
from feedback.surveys import store as surveys
from feedback.surveys.links import AnswerLinks, BadLink
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
        "title": "Your answer", "order": "Order", "send": "Send", "thanks": "Thank you. Your answer has been stored.",
        "already": "You have answered this question already. Your first answer stands.",
        "bad": "This link is not complete. Please open it again from the message, whole.",
        "later": "Your answer cannot be stored right now. Please try again in a few minutes.",
        "optional": "may be left out",
        "answer_missing": "One question still needs your answer.",
        "answer_invalid": "Please choose one of the answers given.",
        "too_many_choices": "You have chosen too many answers.",
        "text_too_long": f"Please use fewer characters, at most {MOST_CHARACTERS:,}.",
        "text_invalid": "The text contains a character that cannot be stored.",
    },
    "zh": {
        "title": "您的回答", "order": "订单", "send": "提交", "thanks": "谢谢!您的回答已保存。",
        "already": "您已经回答过这个问题,以第一次的回答为准。",
        "bad": "链接不完整,请从消息中重新打开完整的链接。",
        "later": "暂时无法保存您的回答,请几分钟后再试。",
        "optional": "选填",
        "answer_missing": "还有一个问题需要您回答。", "answer_invalid": "请从给出的答案中选择。",
        "too_many_choices": "您选择的答案太多了。",
        "text_too_long": f"字数太多,最多 {MOST_CHARACTERS} 个字。",
        "text_invalid": "文字中含有无法保存的字符。",
    },
}  # fmt: skip
_PAGE = pages.body("""\
<h1>{{ words.title }}</h1>
{% if form %}
{% if survey.order_id %}<p>{{ words.order }} <bdi>{{ survey.order_id }}</bdi></p>{% endif %}
<form method="post">
{% for q in form.questions %}
{% set n = loop.index %}
{% set given = fields.get(q.question_id, ()) %}
{% set legend %}
{{ q.words.of(language) }}{% if not q.required %} <small>({{ words.optional }})</small>{% endif %}
{% endset %}
{% if q.type == "text" %}
<p><label for="q{{ n }}"{% if wrong == q.question_id %} class="note"{% endif %}>{{ legend }}</label>
<textarea id="q{{ n }}" name="{{ q.question_id }}" rows="5" dir="auto" maxlength="{{ q.most_characters }}"
{% if wrong == q.question_id %} aria-invalid="true"{% endif %}>{{ given[0] if given else "" }}</textarea></p>
{% else %}
<fieldset><legend{% if wrong == q.question_id %} class="note"{% endif %}>{{ legend }}</legend>
{% if q.type == "score" %}
{% if q.low %}<small>{{ q.lowest }}: {{ q.low.of(language) }}</small>{% endif %}
{% if q.high %}<small>{{ q.highest }}: {{ q.high.of(language) }}</small>{% endif %}
{% if q.low or q.high %}<br>{% endif %}
{% for score in range(q.lowest, q.highest + 1) %}
<label><input type="radio" name="{{ q.question_id }}" value="{{ score }}"{% if q.required %} required{% endif %}
{% if score|string in given %} checked{% endif %}> {{ score }}</label>
{% endfor %}
{% else %}
{% for option in q.options %}
<label><input type="{{ "radio" if q.most == 1 else "checkbox" }}" name="{{ q.question_id }}"
{% if q.required and q.most == 1 %} required{% endif %} value="{{ option.option_id }}"
{% if option.option_id in given %} checked{% endif %}> {{ option.words.of(language) }}</label><br>
{% endfor %}
{% endif %}
</fieldset>
{% endif %}
{% endfor %}
<button>{{ words.send }}</button>
</form>
{% endif %}
""")
MOST_FIELDS = 2 * MOST_ANSWERS + MOST_ANSWERS * MOST_CHOICES
_FORM_BODY: dict[str, Any] = {
    "requestBody": {
        "description": "the page's own form: a field of each question, by its id; of choices several",
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {"type": "object", "additionalProperties": {"type": "string"}}
            }
        },
    }
}


@dataclass(frozen=True, slots=True)
class _Opened:
    """A link that is ours: its survey, with the shop's name; `form` is None until the version that holds it is here."""

    survey: Survey
    shop: str
    form: Form | None


def _page(
    request: Request,
    status: int,
    note: str | None,
    opened: _Opened | None = None,
    *,
    asks: bool = False,
    fields: Mapping[str, Sequence[str]] | None = None,
    wrong: str | None = None,
) -> HTMLResponse:
    """`asks`: the form stands on the page, with `fields` as typed; `wrong` is the question to be mended."""
    form = opened.form if opened is not None else None
    words = WORDS if form is None else {name: {**WORDS[name], "title": form.title.of(name)} for name in WORDS}
    return pages.answer(
        _PAGE,
        request,
        status,
        words,
        note=note,
        shop=opened.shop if opened is not None else None,
        survey=opened.survey if opened is not None else None,
        form=form if asks else None,
        fields=fields or {},
        wrong=wrong,
    )


async def _asked(request: Request, tx: Transaction, token: str) -> _Opened | None:
    """The survey that a link names; None for a bad link, and for one whose survey is not here."""
    runtime = request.app.state.runtime
    try:
        shop, survey_id = AnswerLinks(runtime.master, runtime.settings.public_url).read(token)
    except BadLink:
        return None
    survey = await surveys.get_survey(tx, shop, survey_id)
    if survey is None:
        return None
    name = (await display_names(tx, [shop], tx.clock.now()))[shop]
    versions = (await get_versions(tx, [shop]))[shop]
    return _Opened(survey, name, form_of(versions, survey.form_id, survey.form_version))


@router.get(link("s"), response_class=HTMLResponse, responses=PAGES, dependencies=[public("the link is signed")])
async def show_question(token: str, request: Request, tx: Tx) -> HTMLResponse:
    """The questions with their form. Changes nothing: mail programs open links on their own."""
    asked = await _asked(request, tx, token)
    if asked is None:
        return _page(request, 404, "bad")
    if asked.survey.answered_at is not None:
        return _page(request, 200, "already", asked)
    if asked.form is None:
        return _page(request, 503, "later", asked)
    return _page(request, 200, None, asked, asks=True)


@router.post(
    link("s"),
    response_class=HTMLResponse,
    responses=PAGES,
    dependencies=[public("the link is signed")],
    openapi_extra=_FORM_BODY,
)
async def take_answer(token: str, request: Request, tx: Tx) -> HTMLResponse:
    """Take the answers; the same again is thanked again, others get a page that says that the first stand."""
    asked = await _asked(request, tx, token)
    if asked is None:
        return _page(request, 404, "bad")
    if asked.form is None:
        return _page(request, 503, "later", asked)
    fields = await _fields(request)
    keys: KeyRing = request.app.state.runtime.keys
    try:
        await accept_answers(tx, keys, asked.survey, answers_from_fields(asked.form, fields))
    except AnswerUnfit as refused:
        return _page(request, 422, refused.slug, asked, asks=True, fields=fields, wrong=refused.question_id)
    except AlreadyAnswered:
        return _page(request, 409, "already", asked)
    except CustomerErased:
        return _page(request, 404, "bad")
    except UnknownCustomer:
        return _page(request, 503, "later", asked, asks=True, fields=fields)
    return _page(request, 200, "thanks", asked)


async def _fields(request: Request) -> dict[str, list[str]]:
    """The form's fields by name, each cut to what a page may show again."""
    sent = await request.form(max_fields=MOST_FIELDS)
    found: dict[str, list[str]] = {}
    for name, value in sent.multi_items():
        if isinstance(value, str):
            found.setdefault(name, []).append(value[: 2 * MOST_CHARACTERS])
    return found
