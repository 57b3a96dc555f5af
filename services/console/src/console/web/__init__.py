"""What every page shares: templates, numbers and times in words, the guard, the answers."""
