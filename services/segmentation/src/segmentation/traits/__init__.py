"""What a customer is like, from orders, activity, reviews and complaints: classes, habits, tastes, grades."""
