"""Members as a whole: points that are owed, tiers granted by hand, and what is given unasked."""
