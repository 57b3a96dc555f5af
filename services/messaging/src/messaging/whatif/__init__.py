"""What a flow would have sent over past history, by the same rules as the live one; nothing is stored or sent."""
