"""Parcel plans: what is put into and onto a customer's parcel, and who scanned which insert (MSG-066 to MSG-074)."""
