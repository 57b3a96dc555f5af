"""Complaints and after-sale tickets: clocks, promises, priority, and everything that was done with them."""
