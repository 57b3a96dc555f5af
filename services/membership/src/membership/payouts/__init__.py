"""What feedback has granted customers, paid out once: compensation of a complaint, reward of a review (MEM-069)."""
