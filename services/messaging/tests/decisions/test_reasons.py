"""The reasons that the contract's examples show are reasons that messaging gives."""

from __future__ import annotations

from typing import get_args

from common.contract.published import EXAMPLES
from common.events.messages import MessageHeld, MessageSuppressed
from messaging.decisions.state import Reason


def test_the_examples_of_the_contract_show_reasons_that_exist() -> None:
    shown = {EXAMPLES[kind]["reason"] for kind in (MessageHeld, MessageSuppressed)}
    assert shown <= set(get_args(Reason))
