"""A campaign writes to everybody while all is killed, with a hold-out."""

from __future__ import annotations

from datetime import UTC, datetime

from chaos.answers import ACKED, Campaign
from chaos.door import Door

CAMPAIGN = "spring"
HOLD_OUT_PERCENT = 25


async def campaign(door: Door) -> None:
    """Written and started in the middle of the run; paused and resumed in between."""
    await door.until(0.45)
    document = {
        "campaign": CAMPAIGN,
        "title": "Spring",
        "goal": "They come back",
        "starts_at": datetime.now(UTC).isoformat(),
        "variants": [{"name": "a", "template": "win_back"}, {"name": "b", "template": "wake_up"}],
        "hold_out_percent": HOLD_OUT_PERCENT,
    }
    path = f"campaigns/{CAMPAIGN}"
    saved, _ = await door.ask("messaging", path, {"document": document}, "PUT", tries=60)
    if saved != ACKED:
        return
    noted = door.answers.campaigns[CAMPAIGN] = Campaign()
    for share, action in ((0.5, "start"), (0.6, "pause"), (0.7, "resume")):
        await door.until(share)
        answer, _ = await door.ask("messaging", f"{path}/actions", {"action": action}, tries=60)
        if action == "start":
            noted.start = answer
        elif action == "resume":
            noted.resumed = answer
