"""The desk for important customers: what they write and are to be called for comes to people of its own (MSG-027)."""
