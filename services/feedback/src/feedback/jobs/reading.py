"""Texts are read: topics, sentiment, signals, expectation; by the shop's model, or by rules (FBK-018, FBK-023)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from common.crypto.keys import KeyRing
from common.events import Event, fact_id
from common.events.feedback import SignalsNoted
from common.storage.database import Transaction
from common.work.set_aside import Task
from feedback.commands.care import open_for_text
from feedback.commands.sealing import opener
from feedback.commands.understanding import MODELS
from feedback.understanding import store
from feedback.understanding.rules import read
from feedback.understanding.state import RULES, Reading
from feedback.understanding.store import ToRead

MOST = 50
"""Customers at a time: a text takes some milliseconds of the process's one thread."""
_PATHS = {"review": "text", "answer": "answers.text", "ticket": "text"}


def read_texts(keys: KeyRing) -> Callable[[Transaction, datetime, Sequence[Task]], Awaitable[int]]:
    """Reads the texts of customers, announces signals of buyer types, and opens tickets of what speaks ill."""

    async def read_all(tx: Transaction, now: datetime, tasks: Sequence[Task]) -> int:
        customers = [(task.shop, task.customer) for task in tasks]
        await tx.lock_customers(customers)
        due = await store.get_due(tx, customers)
        readable = await opener(tx, keys, customers)
        judges = await MODELS.get_judges(tx, {shop for shop, _ in customers})
        found = []
        for text in due:
            reader, judge = judges.get(text.customer[0], (RULES, None))
            words = readable(text.customer, _PATHS[text.source], text.text)
            found.append((text, reader, read(words or "", judge)))
        await store.save_read(tx, found)
        await tx.announce([_signals(text, reading) for text, _, reading in found if reading.signals])
        for text, _, reading in found:
            await open_for_text(tx, keys, text, reading.sentiment)
        return len(due)

    return read_all


def _signals(text: ToRead, reading: Reading) -> Event[SignalsNoted]:
    """The same words found again by the same rules make the same fact; a model changes nothing of it."""
    shop, customer = text.customer
    data = SignalsNoted(
        source=text.source, name=text.name, part=text.part or None, signals=reading.signals, reader=RULES
    )
    return Event(
        id=fact_id(f"{text.source}/{text.name}/{text.part}/{RULES}", data.TYPE, shop, customer, 0),
        source=f"/shops/{shop}/feedback",
        shop=shop,
        subject=customer,
        time=text.at,
        data=data,
    )
