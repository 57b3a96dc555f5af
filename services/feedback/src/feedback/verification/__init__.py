"""Everything that is kept of a customer, compared with inputs and announcements."""
