"""A chat message with the form in which its robot takes it."""

from __future__ import annotations

from dataclasses import dataclass

from messaging.channels.chat.shapes.protocol import Said, Shape


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """A text for one robot."""

    said: Said
    shape: type[Shape]

    @property
    def url(self) -> str:
        """The robot's webhook, which holds its key."""
        return self.said.url

    @property
    def content(self) -> str:
        """The text."""
        return self.said.content
