"""The channels that there is a sender for: a new one is a folder and a line here."""

from __future__ import annotations

from collections.abc import Mapping

from common.events.customers import Channel as ChannelName
from messaging.channels.chat.channel import ChatChannel
from messaging.channels.inbox.channel import InboxChannel
from messaging.channels.phone.channel import PhoneChannel
from messaging.channels.protocol import Channel
from messaging.channels.sms.channel import SmsChannel
from messaging.channels.smtp.channel import SmtpChannel

CHANNELS: Mapping[ChannelName, type[Channel]] = {
    "email": SmtpChannel,
    "chat": ChatChannel,
    "sms": SmsChannel,
    "phone": PhoneChannel,
    "inbox": InboxChannel,
}
