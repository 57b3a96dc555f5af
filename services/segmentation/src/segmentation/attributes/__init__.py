"""The attributes of a customer: each a fact with its rules, what time does to it, and its announcements."""
