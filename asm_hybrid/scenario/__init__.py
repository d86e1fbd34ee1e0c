"""Scenarios: what would happen if the inputs changed."""
