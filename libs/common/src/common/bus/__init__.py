"""The way of events: read once, claimed in an inbox, positioned by offsets, published from an outbox."""
