"""What customers say on social networks: kept as a reply, and the task of one person (MSG-028)."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple

from common.crypto.keys import KeyRing
from common.events import CustomerKey, Event, fact_id
from common.people.store import lock_survivors
from common.refusals import Conflict, NotFound
from common.storage.database import Transaction
from messaging.commands.replies import Inbound, keep_reply, named_by
from messaging.contacts.store import get_contacts
from messaging.decisions.facts import source_of
from messaging.metrics import MENTIONS
from messaging.policy.store import get_policies
from messaging.vip.rules import to_be_answered_on

Kind = Literal["mention", "reply", "message"]


class NoSocialDesk(Conflict):
    """Nobody answers on social networks."""

    def __init__(self) -> None:
        super().__init__("no_social_desk", "Nobody would see it: name the `social_desk` in the shop's policy first.")


class UnknownSpeaker(NotFound):
    """The shop has no such customer, or not any more."""

    def __init__(self) -> None:
        super().__init__(
            "unknown_customer",
            "There is no such customer: of somebody who is none, request a staff task of kind `other` at feedback.",
        )


class Mention(NamedTuple):
    """`mention_id`: the network's own, by which it is the same when it is told again."""

    network: str
    kind: Kind
    mention_id: str
    text: str
    url: str | None = None


class Assigned(NamedTuple):
    """`new`: False where it was told before."""

    reply_id: str
    owner: str
    due_at: datetime
    new: bool


async def take_mention(tx: Transaction, keys: KeyRing, key: CustomerKey, mention: Mention) -> Assigned:
    """Lock, save, announce, and ask for the task. Idempotent. Raises NoSocialDesk, UnknownSpeaker."""
    desk = (await get_policies(tx, [key[0]]))[key[0]].policy.social_desk
    if desk is None:
        raise NoSocialDesk
    key = (await lock_survivors(tx, [key])).get(key, key)
    # Of an erased customer there is no key any more.
    if key not in await get_contacts(tx, [key]) or (await keys.keys_for(tx, [key])).get(key) is None:
        raise UnknownSpeaker
    head = f"[{mention.network}, {mention.kind}{f': {mention.url}' if mention.url else ''}]"
    once = f"social/{named_by(keys, f'{mention.network} {mention.mention_id}')}"
    reply = Inbound("chat", once, f"{head}\n{mention.text}", "other")
    kept = await keep_reply(tx, keys=keys, key=key, reply=reply, desk=False)
    task = to_be_answered_on(desk, mention.network, kept.reply_id, kept.at)
    if kept.new:
        id_ = fact_id(kept.reply_id, task.TYPE, *key, 0)
        await tx.announce([Event(id_, source_of(key[0]), *key, kept.at, task, causationid=kept.reply_id)])
        MENTIONS.labels(mention.kind).inc()
    assert task.due_at is not None
    return Assigned(kept.reply_id, desk.owner_of(mention.network), task.due_at, kept.new)
