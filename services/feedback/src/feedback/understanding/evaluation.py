"""How well sentiment is read, measured on labelled reviews: `python -m feedback.understanding.evaluation FOLDER`.

The folder holds the public corpora by their names; none is part of the product, and no model trained on them is. One
fifth of the shopping reviews is held out, drawn with a seed; the rest trains the model that all columns but the last
are of. The hotel reviews are of a kind that the shopping reviews have too, so that the transfer to them is also
measured with a model that has seen none of that kind.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from feedback.understanding.model import Model, fit
from feedback.understanding.rules import by_words
from feedback.understanding.texts import normal

SHOPPING = "reviews_zh_online_shopping_10_cats.csv.gz"
TAKEAWAY = "reviews_zh_waimai_10k.csv.gz"
HOTEL = "reviews_zh_hotel_chnsenticorp.csv.gz"
ENGLISH = "reviews_en_amazon_snippets_vader.csv.gz"
HOTELS = "酒店"
SEED = 7
CLEAR = 0.5
"""English sentences that people rated nearer to neutral than this are left out."""


class Labelled(NamedTuple):
    text: str
    positive: bool
    kind: str = ""


class Score(NamedTuple):
    """Shares; `neutral` of those for which a word-based judge has no answer, which counts as wrong."""

    texts: int
    accuracy: float
    positive_found: float
    negative_found: float
    neutral: float


def chinese(path: Path) -> list[Labelled]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines)
        return [Labelled(row["review"], row["label"] == "1", row.get("cat") or "") for row in rows]


def english(path: Path) -> list[Labelled]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        found = [(row["text"], float(row["mean_sentiment"])) for row in csv.DictReader(lines)]
    return [Labelled(text, mean > 0) for text, mean in found if abs(mean) >= CLEAR]


def split(texts: Sequence[Labelled], seed: int = SEED) -> tuple[list[Labelled], list[Labelled]]:
    """Four fifths to learn from, and one to be judged, drawn by the seed."""
    order = list(texts)
    random.Random(seed).shuffle(order)  # nosec B311 # the same split each time
    cut = len(order) * 4 // 5
    return order[:cut], order[cut:]


def score(texts: Sequence[Labelled], judge: Callable[[str], int]) -> Score:
    """`judge` takes a text in normal form and gives -1, 0 or 1."""
    right, found, neutral = 0, {True: [0, 0], False: [0, 0]}, 0
    for text, positive, _ in texts:
        said = judge(normal(text))
        hit = said == (1 if positive else -1)
        neutral += said == 0
        right += hit
        found[positive][0] += hit
        found[positive][1] += 1
    shares = [hits / max(count, 1) for hits, count in (found[True], found[False])]
    return Score(len(texts), right / max(len(texts), 1), shares[0], shares[1], neutral / max(len(texts), 1))


def sided(model: Model) -> Callable[[str], int]:
    """The model's judgement without neutral: which side of even odds a text is on."""
    return lambda text: 1 if model.log_odds(text) > 0 else -1


def trained(texts: Sequence[Labelled]) -> Model:
    return fit([text.text for text in texts], [text.positive for text in texts])


def report(folder: Path) -> list[str]:
    """The table, as Markdown."""
    shopping = chinese(folder / SHOPPING)
    learn, held_out = split(shopping)
    begun = time.perf_counter()
    model = trained(learn)
    took = time.perf_counter() - begun
    unseen = trained([text for text in learn if text.kind != HOTELS])
    others = {"takeaway": chinese(folder / TAKEAWAY), "hotel": chinese(folder / HOTEL)}
    sentences = english(folder / ENGLISH)
    rows = [("shopping, held-out fifth", "model", score(held_out, sided(model)))]
    rows += [(f"{name} (transfer)", "model", score(texts, sided(model))) for name, texts in others.items()]
    rows += [("hotel (transfer)", "model that saw no hotel", score(others["hotel"], sided(unseen)))]
    rows += [("shopping, held-out fifth", "words", score(held_out, by_words))]
    rows += [(name, "words", score(texts, by_words)) for name, texts in others.items()]
    rows += [("English sentences", "words", score(sentences, by_words))]
    learn_en, held_out_en = split(sentences)
    rows += [("English, held-out fifth", "model of the rest", score(held_out_en, sided(trained(learn_en))))]
    table = [
        "| texts | read by | number | accuracy | good ones found | bad ones found | no answer |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    table += [
        f"| {name} | {by} | {s.texts:,} | {s.accuracy:.3f} | {s.positive_found:.3f} | {s.negative_found:.3f} "
        f"| {s.neutral:.3f} |"
        for name, by, s in rows
    ]
    size = len(model.packed())
    return [*table, "", f"Trained on {len(learn):,} texts in {took:.0f} s; the model takes {size // 1000:,} kB stored."]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, help="where the corpora lie")
    print("\n".join(report(parser.parse_args().folder)))


if __name__ == "__main__":
    main()
