"""Reports of weeks, months, quarters and years: made by the shop's calendar, kept, and sent to the shop's people."""
