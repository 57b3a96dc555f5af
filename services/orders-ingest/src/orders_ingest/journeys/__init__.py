"""The way to each order: views and chats before it, counted by customer and day, and what they come to."""
