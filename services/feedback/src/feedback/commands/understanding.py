"""A shop trains a model of sentiment on its own stars; the models that read."""

from __future__ import annotations

import asyncio
import random
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from common.crypto.keys import KeyRing
from common.events import Event
from common.refusals import Conflict
from common.storage.database import Database, Transaction
from feedback.commands.sealing import opener
from feedback.understanding import store
from feedback.understanding.model import Model, fit, unpacked
from feedback.understanding.rules import by_words
from feedback.understanding.said import said_in
from feedback.understanding.store import Trained
from feedback.understanding.texts import normal

MOST_TEXTS = 60_000
"""The newest, that a model learns from and is judged by: more make it slower and hardly better."""
LEAST_TEXTS = 300
"""Of the kind that is rarer, good or bad: of fewer a model learns the few customers and not the language."""
MODELS_KEPT = 16
"""In the memory of a process, a megabyte each."""
_training = asyncio.Lock()


class TooFewTexts(Conflict):
    """The shop has not enough reviews with a text and stars to learn from."""

    def __init__(self, good: int, bad: int) -> None:
        super().__init__(
            "too_few_texts",
            f"A model needs {LEAST_TEXTS} reviews with a text and 4 or 5 stars, and as many with 1 or 2; there are "
            f"{good} and {bad}. Until then texts are read by rules.",
        )


class TrainingRuns(Conflict):
    """A model is being trained already."""

    def __init__(self) -> None:
        super().__init__("training_runs", "A model is being trained already: try again in a minute.")


class Models:
    """The models of the shops that read lately, each unpacked once."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int], Model] = OrderedDict()

    async def get_judges(self, tx: Transaction, shops: Iterable[str]) -> dict[str, tuple[str, Callable[[str], int]]]:
        """What reads for each shop that has trained a model: its name and its judgement."""
        found: dict[str, tuple[str, Callable[[str], int]]] = {}
        for shop, number in (await store.get_numbers(tx, shops)).items():
            model = self._kept.get((shop, number)) or unpacked(await store.get_model(tx, shop, number))
            self._kept[shop, number] = model
            self._kept.move_to_end((shop, number))
            found[shop] = f"model-{number}", model.judge
        while len(self._kept) > MODELS_KEPT:
            self._kept.popitem(last=False)
        return found


MODELS = Models()


async def note_texts(tx: Transaction, events: Iterable[Event[Any]]) -> None:
    """The texts of these events are to be read; their customers are locked."""
    await store.note(tx, [said for event in events for said in said_in(event)])


async def train(database: Database, keys: KeyRing, shop: str, again_days: int, clock_now: datetime) -> Trained:
    """Train a model on the shop's reviews; it reads from now on where it read a held-out fifth better than the rules.

    What was said within so many days is then read again. Takes seconds, in a thread, and no transaction is open
    meanwhile. Raises TooFewTexts, TrainingRuns.
    """
    if _training.locked():
        raise TrainingRuns
    async with _training:
        async with database.transaction() as tx:
            rows = await store.list_starred(tx, shop, MOST_TEXTS)
            readable = await opener(tx, keys, [(shop, row.customer) for row in rows])
        said = [(readable((shop, row.customer), "text", row.text), row.stars >= 4) for row in rows]
        texts = [(text, good) for text, good in said if text is not None]
        good = sum(good for _, good in texts)
        if min(good, len(texts) - good) < LEAST_TEXTS:
            raise TooFewTexts(good, len(texts) - good)
        held_out, by_model, by_rules, packed = await asyncio.to_thread(_train, texts)
        async with database.transaction() as tx:
            number = max((model.number for model in await store.list_models(tx, shop)), default=0) + 1
            in_use = by_model > by_rules
            trained = Trained(number, clock_now, len(texts), held_out, by_model, by_rules, in_use)
            if not await store.save_model(tx, shop, trained, packed if in_use else None):
                raise TrainingRuns
            if in_use and again_days:
                await store.read_again(tx, shop, clock_now - timedelta(days=again_days))
    return trained


def _train(texts: Sequence[tuple[str, bool]]) -> tuple[int, int, int, bytes]:
    """How many were held out, how many of them the model and the rules read right, and the model, of all texts."""
    order = sorted(texts)
    random.Random(1).shuffle(order)  # nosec B311 # the same split each time
    cut = len(order) * 4 // 5
    learn, held_out = order[:cut], order[cut:]
    judged = fit([text for text, _ in learn], [good for _, good in learn])
    normals = [(normal(text), good) for text, good in held_out]
    by_model = sum((judged.log_odds(text) > 0) == good for text, good in normals)
    by_rules = sum(by_words(text) == (1 if good else -1) for text, good in normals)
    whole = fit([text for text, _ in order], [good for _, good in order])
    return len(held_out), by_model, by_rules, whole.packed()
