"""The probability that a customer buys nothing for a while, by a model fitted to the shop each month."""
