"""How are points earned, spent, lost and taken back?"""
