"""Repair and return cards of a parcel: a signed link, drawn as a QR code, for a ticket of its order (FBK-037)."""
