"""Chat by webhooks: group robots of WeCom and DingTalk, and a bridge of the shop's own to any other chat (MSG-016)."""
