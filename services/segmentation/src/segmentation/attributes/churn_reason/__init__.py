"""Why a customer left, as recorded, and the win-back that fits (SEG-016 to SEG-018)."""
