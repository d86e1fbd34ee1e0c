"""A fitted model on data that came later: what it predicts of them, whether it still holds, and what comes next."""
