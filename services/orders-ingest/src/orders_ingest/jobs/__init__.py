"""What happens without being asked: staged imports are taken in, the shops' own topics read."""
