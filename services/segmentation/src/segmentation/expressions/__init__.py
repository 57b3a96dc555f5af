"""The language of segments: typed expressions over a customer's facts, explained in words and compiled to SQL."""
