"""What would be recommended, and on what it rests."""
