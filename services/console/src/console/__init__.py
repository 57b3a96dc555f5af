"""What a shop's people look at, in a browser."""
