"""What does the sweep that asks need from the environment? The key and the address of its links; read by main alone."""

from __future__ import annotations

from functools import cache

from common.crypto import master_key_from
from common.settings import load_settings
from feedback.domain.links import AnswerLinks


@cache
def answer_links() -> AnswerLinks:
    """Made at first use, so that importing the service needs no environment. Raises InvalidSettings."""
    settings = load_settings()
    return AnswerLinks(master_key_from(settings.master_key.get_secret_value()), settings.public_url)
