"""Commands of people and systems, and what several doors do alike."""
