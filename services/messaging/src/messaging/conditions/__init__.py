"""Facts that messages rest on: tier, lapse episode, survey, orders; a message is obsolete once they change."""
