"""What a hand-off means for its message."""
