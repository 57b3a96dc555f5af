"""The one way in: events are checked, claimed, decided, stored and announced."""
