"""The best set points and schedules of a plant within its effluent limits."""
