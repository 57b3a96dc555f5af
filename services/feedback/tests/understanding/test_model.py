"""A model learns sentiment from labelled texts, the same from the same (FBK-018)."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from feedback.understanding.evaluation import SHOPPING, chinese, score, sided, split, trained
from feedback.understanding.model import features, fit, unpacked
from feedback.understanding.texts import normal

GOOD, BAD = ["包装", "颜色", "声音", "款式"], ["屏幕", "按键", "电池", "线头"]


def texts(number: int) -> tuple[list[str], list[bool]]:
    """Made up: goods of the first kind are praised in a word that no list has, those of the second are not."""
    chance = random.Random(3)
    said = [(f"{chance.choice(GOOD)}蕫蕫{n}", True) for n in range(number)]
    said += [(f"{chance.choice(BAD)}蘷蘷{n}", False) for n in range(number)]
    return [text for text, _ in said], [good for _, good in said]


def test_a_model_learns_words_that_no_rule_has_and_is_the_same_each_time() -> None:
    model, again = fit(*texts(200)), fit(*texts(200))
    assert (model.judge("价格蕫蕫"), model.judge("价格蘷蘷"), model.judge("")) == (1, -1, 0)
    assert (model.weights == again.weights).all()


def test_a_model_is_stored_small_and_says_the_same_afterwards() -> None:
    model = fit(*texts(200))
    packed = model.packed()
    assert len(packed) < 100_000
    for text in ("颜色蕫蕫", "电池蘷蘷", "nothing of it"):
        assert unpacked(packed).log_odds(text) == pytest.approx(model.log_odds(text), abs=0.01)
    for broken in (b"", b"x", packed[:-9]):
        with pytest.raises(ValueError, match="model"):
            unpacked(broken)


def test_features_are_places_of_ngrams_each_once() -> None:
    assert len(features("")) == 0
    assert len(features("好")) == 1
    assert len(features("好好好")) == 3, "one, two and three of the same"
    assert len(features("very good tea")) == 6
    assert (features(normal("质量")) == features(normal("質量"))).all()


@pytest.mark.slow
def test_of_the_public_shopping_reviews_a_held_out_fifth_is_read_as_well_as_the_target_says() -> None:
    """targets.md: at least 0.929; the corpus is no part of the product."""
    path = Path(os.environ.get("REGULARS_SHARED", "shared")) / "data" / SHOPPING
    if not path.exists():
        pytest.skip("the public review corpus is not here")
    learn, held_out = split(chinese(path))
    assert score(held_out, sided(trained(learn))).accuracy >= 0.929
