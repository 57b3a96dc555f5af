"""The forms that every shop has: usage, unboxing, CSAT, NPS, leave reason, latent needs, agent, resolution.

Ids of questions and options are part of what is stored: they are never changed.
"""

from __future__ import annotations

from common.events.feedback import SurveyKind
from feedback.forms.state import ChoiceQuestion, Form, Option, Question, ScoreQuestion, TextQuestion, Words

STARS, TEXT, RECOMMEND, REASON = "stars", "text", "recommend", "reason"


def _stars(question_id: str, en: str, zh: str, *, required: bool = True) -> ScoreQuestion:
    return ScoreQuestion(
        question_id=question_id,
        words=Words(en=en, zh=zh),
        required=required,
        low=Words(en="not at all", zh="很不满意"),
        high=Words(en="very much", zh="非常满意"),
    )


def _text(en: str, zh: str) -> TextQuestion:
    return TextQuestion(question_id=TEXT, words=Words(en=en, zh=zh))


def _choices(question_id: str, en: str, zh: str, most: int, *options: tuple[str, str, str]) -> ChoiceQuestion:
    return ChoiceQuestion(
        question_id=question_id,
        words=Words(en=en, zh=zh),
        required=True,
        most=most,
        options=tuple(Option(option_id=id_, words=Words(en=english, zh=chinese)) for id_, english, chinese in options),
    )


def _form(kind: SurveyKind, en: str, zh: str, *questions: Question) -> Form:
    return Form(form_id=kind, kind=kind, title=Words(en=en, zh=zh), questions=questions)


_MORE = _text("What would you tell us?", "想对我们说些什么?")
USAGE = _form(
    "usage",
    "How do you like your purchase?",
    "您对这次购买的商品满意吗?",
    ScoreQuestion(question_id=STARS, words=Words(en="Stars", zh="星级"), required=True),
    _MORE,
)
_FORMS = (
    USAGE,
    _form(  # FBK-017
        "unboxing",
        "How was unpacking your parcel?",
        "您的开箱体验如何?",
        _stars("packaging", "Did the packaging please you?", "您对包装满意吗?"),
        _stars("condition", "Did everything arrive in good condition?", "商品送达时状态完好吗?"),
        _MORE,
    ),
    _form(  # FBK-003: three parts
        "csat",
        "How satisfied are you with us?",
        "您对我们满意吗?",
        _stars("quality", "With the quality of the goods?", "对商品质量满意吗?"),
        _stars("service", "With our service?", "对服务水平满意吗?"),
        _stars("experience", "With shopping here as a whole?", "对购物体验满意吗?"),
        _MORE,
    ),
    _form(
        "nps",
        "Would you recommend us?",
        "您会推荐我们吗?",
        ScoreQuestion(
            question_id=RECOMMEND,
            words=Words(en="How likely would you recommend us to a friend?", zh="您有多大可能把我们推荐给朋友?"),
            required=True,
            lowest=0,
            highest=10,
            low=Words(en="not at all likely", zh="完全不可能"),
            high=Words(en="very likely", zh="非常可能"),
        ),
        _text("What is the main reason?", "主要原因是什么?"),
    ),
    _form(  # FBK-016; the reasons of requirements.md, enumerations
        "leave_reason",
        "We miss you. Why did you stop buying from us?",
        "好久不见,您为什么不再光顾了?",
        _choices(
            REASON,
            "What was the main reason?",
            "最主要的原因是什么?",
            1,
            ("service", "The service", "服务不好"),
            ("nobody_cares", "Nobody cared about me", "没人关心我"),
            ("cheaper_price", "A better price elsewhere", "别家价格更低"),
            ("better_product", "A better product elsewhere", "别家商品更好"),
            ("other", "Something else", "其他原因"),
        ),
        _MORE,
    ),
    _form(  # FBK-005
        "latent_need",
        "What would you like to find here?",
        "您希望在我们店里买到什么?",
        _choices(
            "wishes",
            "What matters most to you? Up to three.",
            "您最看重什么?最多选三项。",
            3,
            ("choice", "A wider choice", "更多选择"),
            ("quality", "Better quality", "更好的质量"),
            ("price", "Lower prices", "更低的价格"),
            ("delivery", "Faster delivery", "更快的配送"),
            ("advice", "More advice", "更多建议"),
            ("gifts", "Gifts and wrapping", "礼品与包装"),
        ),
        _text("Which need do we not meet yet?", "我们还有哪些需求没有满足您?"),
    ),
    _form(  # FBK-010
        "agent_rating",
        "How did we serve you?",
        "您对客服满意吗?",
        _stars(STARS, "Were you satisfied with the person who helped you?", "您对为您服务的客服满意吗?"),
        _MORE,
    ),
    _form(  # FBK-036: fair, fast, satisfying
        "resolution",
        "Did we settle your concern?",
        "您的问题解决得满意吗?",
        _stars(STARS, "Are you satisfied with the outcome?", "您对处理结果满意吗?"),
        _stars("fair", "Was it fair?", "处理得公正吗?", required=False),
        _stars("fast", "Was it fast?", "处理得及时吗?", required=False),
        _MORE,
    ),
)
BUILT_IN: dict[str, Form] = {form.form_id: form for form in _FORMS}
"""By id, which is their kind; a poll has questions of its shop's own alone (FBK-015)."""
