"""Work that falls due, and the verification of what is kept."""
