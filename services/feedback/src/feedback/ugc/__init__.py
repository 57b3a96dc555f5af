"""What customers and the shop write about the goods, moderated and shown (FBK-042 to FBK-048)."""
