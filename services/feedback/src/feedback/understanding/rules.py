"""What a text says, by words (FBK-018, FBK-023, FBK-026); pure, and what reads where a shop has trained no model."""

from __future__ import annotations

import re
from collections.abc import Callable

from feedback.understanding.state import Reading, Signal, Topic
from feedback.understanding.texts import clauses, normal, pattern
from feedback.understanding.words import (
    DISAPPOINTED,
    NEGATIONS,
    NEGATIVE,
    NO_FEELING,
    POSITIVE,
    SIGNAL_WORDS,
    SURPASSED,
    TOPIC_WORDS,
)

Judge = Callable[[str], int]
"""The sentiment of a text in normal form: -1, 0 or 1."""
_TOPICS: list[tuple[Topic, re.Pattern[str]]] = [(topic, pattern(words)) for topic, words in TOPIC_WORDS.items()]
_SIGNALS: list[tuple[Signal, re.Pattern[str]]] = [(signal, pattern(words)) for signal, words in SIGNAL_WORDS.items()]
_SURPASSED, _DISAPPOINTED = pattern(SURPASSED), pattern(DISAPPOINTED)
_NEGATIVE = pattern(NEGATIVE)
_POSITIVE = pattern(set(POSITIVE.split()) - set(NEGATIVE.split()))
_FEELING = re.compile(
    f"(?P<none>{pattern(NO_FEELING).pattern})|(?P<positive>{_POSITIVE.pattern})|(?P<negative>{_NEGATIVE.pattern})"
)
_VALUES = {"none": 0, "positive": 1, "negative": -1}
_NEGATION = pattern(NEGATIONS)
_REACH_ZH, _REACH_EN = 4, 22
"""Characters before a word in which a negation turns it: some three words of English."""


def read(text: str, judge: Judge | None = None) -> Reading:
    """What the text says; `judge` is the shop's model, None: by the words."""
    given, judged = normal(text), judge or by_words
    overall = judged(given)
    parts = clauses(given)
    topics = []
    for topic, words in _TOPICS:
        about = [part for part in parts if words.search(part)]
        if about:
            topics.append((topic, by_words(",".join(about)) or overall))
    signals = tuple(signal for signal, words in _SIGNALS if words.search(given))
    return Reading(overall, tuple(topics), signals, _expectation(given))


def by_words(text: str) -> int:
    """The sentiment of a text in normal form by its words, negated ones turned, clause by clause."""
    total = sum(_feeling(clause) for clause in clauses(text))
    return (total > 0) - (total < 0)


def _feeling(clause: str) -> int:
    """Positive words less negative ones; a negation shortly before a word turns it, and a doubled one counts once."""
    total = 0
    place = 0
    while found := _longest(clause, place):
        start, end, value = found
        reach = _REACH_EN if clause[start].isascii() else _REACH_ZH
        before = clause[max(place, start - reach) : start]
        if _NEGATION.search(before):
            value = -value
        total += value
        place = end
    return total


def _longest(clause: str, place: int) -> tuple[int, int, int] | None:
    """The next word of feeling from a place on: of those that begin first the longest."""
    found = _FEELING.search(clause, place)
    if found is None:
        return None
    begin, end, value = found.start(), found.end(), _VALUES[found.lastgroup or ""]
    other = _NEGATIVE.match(clause, begin)
    if value > 0 and other is not None and other.end() > end:
        return begin, other.end(), -1
    return begin, end, value


def _expectation(text: str) -> int:
    above, below = len(_SURPASSED.findall(text)), len(_DISAPPOINTED.findall(text))
    return (above > below) - (below > above)
