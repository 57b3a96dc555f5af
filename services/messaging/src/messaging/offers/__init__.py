"""Which offers the shop has, so that one of which nobody ever gets a coupon is refused."""
