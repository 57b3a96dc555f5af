"""What happened elsewhere is kept, and makes candidates; nothing is decided here."""
