"""What customers did short of ordering, counted by day and kind; the first of it alone is folded."""
