"""Which form a webhook takes, by its host; of a robot in a private network by its path."""

from __future__ import annotations

from urllib.parse import urlsplit

from common.values.addresses import InvalidAddress, is_private_host
from messaging.channels.chat.settings import ChatSettings
from messaging.channels.chat.shapes.dingtalk import DingTalk
from messaging.channels.chat.shapes.generic import Generic
from messaging.channels.chat.shapes.protocol import Shape
from messaging.channels.chat.shapes.wecom import WeCom

_BY_PATH: dict[str, type[Shape]] = {"/cgi-bin/webhook/send": WeCom, "/robot/send": DingTalk}


def shape_of(url: str, settings: ChatSettings) -> type[Shape]:
    """The form of a webhook in its one writing. Raises InvalidAddress where no robot may be.

    A profile names the URL: without this the service could be made to post to any host that it reaches.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_private_host(host):
        if not settings.chat_private_hosts:
            raise InvalidAddress("this webhook is in a private network")
        return _BY_PATH.get(parts.path, Generic)
    by_host: tuple[tuple[str, type[Shape]], ...] = (
        (settings.chat_hosts, WeCom),
        (settings.chat_dingtalk_hosts, DingTalk),
        (settings.chat_bridge_hosts, Generic),
    )
    for hosts, shape in by_host:
        if host in {name.strip().lower() for name in hosts.split(",")}:
            return shape
    raise InvalidAddress("this webhook is at no host of robots")
