"""What customers need and have not bought: found in what they do, and noted by people (SEG-049, SEG-067, SEG-072)."""
