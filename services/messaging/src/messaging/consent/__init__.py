"""The register of consent and opt-outs, of customers and of addresses."""
