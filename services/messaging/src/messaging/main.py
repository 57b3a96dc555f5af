"""messaging: wiring only."""

from __future__ import annotations

import asyncio
from datetime import datetime
from functools import partial
from pathlib import Path

from common.events.customers import Channel as ChannelName
from common.process.runtime import Copied, Runtime, Service
from common.process.settings import load_settings
from common.service.commands import main
from common.storage.database import Transaction
from common.work.sweeps import Job, WorkList
from messaging.api import (
    arms,
    bounces,
    calls,
    campaigns,
    contact_plan,
    decisions,
    doubt,
    flows,
    inbox,
    mail_answers,
    mail_reports,
    mentions,
    messages,
    parcels,
    pauses,
    permissions,
    policy,
    policy_preview,
    preferences_page,
    replies,
    search,
    segment_uses,
    sms_callbacks,
    template_effects,
    templates,
    unsubscribe_page,
    what_if,
)
from messaging.api import clicks as follow_links
from messaging.campaigns.store import count_due as count_campaigns
from messaging.channels.imap.settings import ImapSettings
from messaging.channels.registry import CHANNELS
from messaging.consent.links import UnsubscribeLinks
from messaging.decisions.store import count_due
from messaging.delivery.clicks.links import ClickLinks
from messaging.delivery.receipts.links import GatewayLinks
from messaging.delivery.store import queue
from messaging.delivery.store.pauses import list_pauses
from messaging.flows.running.store import count_due as count_due_runs
from messaging.handlers.subscriptions import READ_BACK, subscriptions
from messaging.jobs.beginning import Beginning
from messaging.jobs.campaigning import wake_resumed, watch_campaigns
from messaging.jobs.collecting import collect_answers
from messaging.jobs.deciding import DECIDING
from messaging.jobs.expiring import mind_expired
from messaging.jobs.freeing import free_held
from messaging.jobs.judging import judge_clicks, take_clicks
from messaging.jobs.moving import move_due_runs, take_due_runs
from messaging.jobs.planning import Planning
from messaging.jobs.prompting import decide_notices_when, sweep_when
from messaging.jobs.sending import SELDOM_S, sender_of
from messaging.jobs.verifying import verify
from messaging.jobs.waking import listen, look
from messaging.jobs.without_sender import mind_without_sender, note_without_sender
from messaging.occasions.store import count_due_days
from messaging.replies.store_mailboxes import note_mailboxes


async def send(runtime: Runtime) -> None:
    """The sender of each channel, woken at once when there is something to send."""
    links = UnsubscribeLinks(runtime.master, runtime.settings.public_url)
    receipts = GatewayLinks(runtime.master, runtime.settings.public_url)
    clicks = ClickLinks(runtime.master, runtime.settings.public_url)
    senders = {
        name: sender_of(
            runtime.database,
            runtime.keys,
            links,
            channel.opened(load_settings(channel.settings)),
            receipts=receipts,
            clicks=clicks,
            look_every_s=SELDOM_S,
        )
        for name, channel in CHANNELS.items()
    }

    def wake(channel: str, *, queued: bool) -> None:
        if channel in senders:  # another release may have more
            senders[channel].wake(queued=queued)

    async with asyncio.TaskGroup() as group:
        for sender in senders.values():
            group.create_task(sender.run(runtime.stopping))
        group.create_task(look(runtime.database, partial(wake, queued=False), runtime.stopping), name="look-for-queued")
        group.create_task(mind_expired(runtime.database, runtime.stopping), name="expired-leases")
        group.create_task(mind_without_sender(runtime.database, runtime.stopping), name="without-sender")
        group.create_task(listen(runtime.database, {"messages": partial(wake, queued=True)}, runtime.stopping))


async def collect(runtime: Runtime) -> None:
    """What arrives in the mailbox of answers, where there is one."""
    await collect_answers(runtime, load_settings(ImapSettings))


async def decide_promptly(runtime: Runtime) -> None:
    """Notices and the sweep, each woken when there is something for it; on a set clock they wait to be asked for."""
    if runtime.settings.set_clock:
        await runtime.stopping.wait()
        return
    notices, arrived = asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        wakes = {"notices": lambda _: notices.set(), "candidates": lambda _: arrived.set()}
        group.create_task(listen(runtime.database, wakes, runtime.stopping))
        group.create_task(decide_notices_when(notices, runtime), name="prompt-notices")
        group.create_task(sweep_when(arrived, runtime), name="prompt-sweep")


async def counters(tx: Transaction) -> dict[str, int]:
    """`leases`: messages queued or being handed off. What they became stands in the facts published."""
    return {"leases": sum(await queue.count_open(tx))}


async def due(tx: Transaction, now: datetime) -> int:
    """Candidates to be decided, messages to be sent, and customers to be moved on, or begun with, in flows."""
    in_flows = await count_due_runs(tx, now) + await count_due_days(tx, now) + await count_campaigns(tx, now)
    return in_flows + await count_due(tx, now) + (await queue.count_open(tx))[0]


async def channel_note(name: ChannelName, tx: Transaction) -> str | None:
    """For readiness: that the channel is paused, and why; None while it is not."""
    running = [p for p in await list_pauses(tx, name) if not p.over]
    if not running:
        return None
    first = running[0]
    which = f"shop {first.shop}" if first.shop else "all shops"
    others = len(running) - 1
    more = f" and {others} more {'shop' if others == 1 else 'shops'}" if others else ""
    return f"paused for {which}{more} until {first.until:%H:%M:%S} UTC: {first.reason} at {first.stage}"


SERVICE = Service(
    name="messaging",
    migrations=Path(__file__).parents[2] / "migrations",
    settings=(*(channel.settings for channel in CHANNELS.values()), ImapSettings),
    subscriptions=subscriptions,
    read_back=READ_BACK,
    copied=(Copied("pauses"), Copied("mailboxes"), Copied("left_before_restore")),
    routers=(
        decisions.router,
        flows.router,
        what_if.router,
        campaigns.router,
        arms.router,
        segment_uses.router,
        replies.router,
        mentions.router,
        calls.router,
        inbox.router,
        contact_plan.router,
        parcels.router,
        template_effects.router,  # before the route that takes any name
        templates.router,
        messages.router,
        policy.router,
        policy_preview.router,
        pauses.router,
        doubt.router,
        permissions.router,
        bounces.router,
        search.router,
        sms_callbacks.router,
        mail_reports.router,
        mail_answers.router,
        follow_links.router,
        unsubscribe_page.router,
        preferences_page.router,
    ),
    jobs=lambda runtime: (
        Job("days", Beginning(runtime.keys).begin_days),
        Job("campaigns", Planning(runtime.database).plan),
        Job("campaigns_watched", watch_campaigns),
        Job("campaigns_resumed", wake_resumed),
        Job("policies", free_held),
        WorkList("flows", take_due_runs, move_due_runs),
        WorkList("clicks", take_clicks, judge_clicks),
        DECIDING,
    ),
    background={"sweeps": (decide_promptly,), "sender": (send, collect)},
    counters=counters,
    due=due,
    verify=verify,
    notes={
        **{name: partial(channel_note, name) for name in CHANNELS},
        "other_channels": note_without_sender,
        "mailbox": note_mailboxes,
    },
)

if __name__ == "__main__":
    main(SERVICE)
