"""Orders without a customer: they count in the shop's revenue alone."""
