"""The people of a shop: who may what, who has agreed to keep customers' data to themselves, and who broke it."""
