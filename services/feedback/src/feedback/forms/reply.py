"""What a customer wrote back by text message, read as answers to a form: a number first, then words; pure (FBK-001)."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from common.events.feedback import QuestionAnswer
from feedback.forms.rules import AnswerUnfit, check_answers
from feedback.forms.state import ChoiceQuestion, Form, ScoreQuestion, TextQuestion
from feedback.understanding.rules import read
from feedback.understanding.texts import normal

_KEYCAP = re.compile("([0-9])\ufe0f?\u20e3")
_NUMBER_FIRST = re.compile(
    r"(?P<number>[0-9]{1,2})(?![0-9])"
    r"(?P<scale>\s*(?:/|(?:out\s+)?of\b)\s*(?P<most>[0-9]{1,3})(?![0-9]))?"
    r"(?P<unit>\s*(?:分|[颗顆个個]?星|[⭐★☆🌟]\ufe0f?|(?:points?|stars?|sterne?|étoiles?|estrellas?|stelle)\b))?"
    r"(?P<rest>.*)",
    re.DOTALL | re.IGNORECASE,
)
_MARKS = " \t\r\n,.:;!、。…~–—)-"
_SMILES = "[\U0001f600-\U0001f64f\U0001f44c-\U0001f44f\U0001f493-\U0001f49f\u2764\u263a\U0001f389]"
_APART = re.compile(rf"\s*(?:\n|[,.:;!、。…~–—)-]+(?:\s|(?=[^\x00-\x7f]))|(?={_SMILES}))")
"""What ends the number: a mark before a space or a Chinese word, a new line, a smile. Not the mark of `5-pack`."""
_NUMBERS = re.compile(r"[ \t]*[.)][ \t]*[^\W\d_]")
"""What numbers a line or a day, as `1. Where is it?` and `5. November` do: words that judge make it a mark."""
_GOES_ON = re.compile(
    r"(?:not|nicht|pas|non|no)\s+[0-9]"
    r"|(?:minutes?|hours?|days?|weeks?|months?|years?|times?|cups?|boxes|pieces?|parcels?|items?|[ap]m|o'clock)\b",
    re.IGNORECASE,
)
"""How words begin that go on with the number, whatever mark stands between."""
_GOOD_OR_BAD = (
    "lovely|great|good|nice|excellent|perfect|wonderful|fantastic|amazing|awesome|superb|brilliant|outstanding|delicious"
    "|tasty|beautiful|happy|satisfied|pleased|fine|ok|okay|decent|average|mediocre|bad|poor|awful|terrible|horrible"
    "|disgusting|cool|top|super|best|worst|meh|wow"
)
_REMARK = re.compile(
    r"(?:(?:i|we)(?: really)? (?:love|like|enjoy|hate)d?|(?:loved|liked|enjoyed|hated) (?:it|the|this|them|every\w*)"
    r"|it|it's|you|your|the|for (?:the|your)"
    r"|as (?:described|expected|always)|no complaints?|could (?:be|have been)|all (?:good|fine|well)"
    r"|but|because|everything|nothing|thanks?|thx|very|really|quite|pretty|rather|absolutely"
    rf"|(?:would |highly )?recommend\w*|(?:not )?(?:too |so |very )?(?:{_GOOD_OR_BAD})"
    r"|disappoint\w*|tastes?|smells?|service|quality)\b"
    r"|很|非常|太|真|挺|特别|超级|相当|比较|有点|好(?!几)|不错|不好|不太|不满|不喜欢|满意|喜欢|一般|还行|还可以|还不错|可以|凑合|马马虎虎"
    r"|差|糟|失望|垃圾|难喝|难吃|难看|谢谢|感谢|赞|棒|完美|给力|推荐|值得|值|物美价廉|性价比|一如既往|回购|味道|服务|质量|品质|口感|包装|物流"
    r"|我很|我觉得|你们|但|因为",
    re.IGNORECASE,
)
"""How words begin that judge, and do not go on with the number as `of the 6 cups`, `pm`, `days` and `个杯子` do."""

_IN_WORDS = re.compile(r"(?:(?P<full>[满滿]分)|(?P<digit>[一二两兩三四五六七八九])(?=\s*(?:分|[颗顆个個]?星)))")
"""A number in words before its unit, `五星好评`; not `十分`, which is `very`."""
_DIGITS = {"一": 1, "二": 2, "两": 2, "兩": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
_SHORT = 8
"""Characters of words after a number that need not be clear, such as `average`; more a person is to read too."""


@dataclass(frozen=True, slots=True)
class Reply:
    """`whole`: all that was written stands in the answers; where it is not, a person is to read it too."""

    answers: tuple[QuestionAnswer, ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class _Said:
    """`bare`: the number stands by itself, without a scale, a unit or words; `apart`: a mark divides it from them."""

    number: int
    words: str
    bare: bool
    apart: bool


def read_reply(form: Form, text: str) -> Reply | None:
    """The answers; None where the text is none to this form.

    A form that asks one score, or one choice, can be answered so: "5, great tea", "４分", "4/5", or the number or the
    words of an option. What stands after the number answers the form's first question for a text. Of a form that asks
    more, the page has to be opened. A number that only begins a sentence ("2 of the 6 cups came broken", "5 minutes",
    "5.50") is no answer, nor one of another scale than the form's: taken for one it would be a wrong figure, and what
    was written would be lost to the desk.
    """
    plain = _KEYCAP.sub(r"\1", unicodedata.normalize("NFKC", text)).strip()
    asked = next((question for question in form.questions if question.required), form.questions[0])
    if isinstance(asked, ChoiceQuestion):
        chosen = _option(asked, plain)
        return None if chosen is None else _checked(form, QuestionAnswer(question=asked.question_id, choices=(chosen,)))
    if not isinstance(asked, ScoreQuestion):
        return None
    said = _said(plain, asked.highest)
    if said is None or said.number > asked.highest:
        return None
    agrees = _agrees(asked, said)
    if agrees < 0 and not said.apart:
        return None
    clear = agrees > 0 or (agrees == 0 and len(said.words) <= _SHORT)
    return _checked(form, QuestionAnswer(question=asked.question_id, score=said.number), said.words, whole=clear)


def _said(plain: str, highest: int) -> _Said | None:
    """The number and the words; None where there is no number first, or the words go on with it."""
    if (told := _IN_WORDS.match(plain)) is not None:
        plain = (f"{highest}分" if told["full"] else str(_DIGITS[told["digit"]])) + plain[told.end() :]
    found = _NUMBER_FIRST.fullmatch(plain)
    if found is None or (found["most"] is not None and int(found["most"]) != highest):
        return None
    number, rest = int(found["number"]), found["rest"]
    words = rest.lstrip(_MARKS)
    apart = _APART.match(rest) is not None
    judges = _REMARK.match(normal(words)) is not None
    if words and (words[0].isdigit() or _GOES_ON.match(words) or not (apart or judges)):
        return None
    if not judges and _NUMBERS.match(rest):
        return None
    if number == 1 and re.search(r"(?<![0-9])2\s*[.、:)]", words):
        return None  # the first item of a list
    return _Said(number, words, not (found["scale"] or found["unit"] or words), apart)


def _agrees(asked: ScoreQuestion, said: _Said) -> int:
    """-1 where the words speak ill beside a high number, or well beside a low one; 1: as the number; 0: neither."""
    sentiment = read(said.words).sentiment if said.words else 0
    half = 2 * said.number - asked.lowest - asked.highest
    return sentiment * ((half > 0) - (half < 0))


def _checked(form: Form, answer: QuestionAnswer, words: str = "", *, whole: bool = True) -> Reply | None:
    given = [answer]
    free = next((question for question in form.questions if isinstance(question, TextQuestion)), None)
    if words and free is not None:
        given.append(QuestionAnswer(question=free.question_id, text=words[: free.most_characters]))
    kept = not any(c.isalnum() for c in words) or (free is not None and len(words) <= free.most_characters)
    try:
        return Reply(check_answers(form, given), whole and kept)
    except AnswerUnfit:
        return None


def _option(asked: ChoiceQuestion, text: str) -> str | None:
    """By its number as it is listed, from 1 on, or by its words in any language of the form."""
    said = _said(text, len(asked.options))
    if said is not None and said.bare:
        return asked.options[said.number - 1].option_id if 1 <= said.number <= len(asked.options) else None
    folded = text.casefold()
    for option in asked.options:
        names = {option.option_id, option.words.of("en"), option.words.of("zh")}
        if folded in {name.casefold() for name in names}:
            return option.option_id
    return None
