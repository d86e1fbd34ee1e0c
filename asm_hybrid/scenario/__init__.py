"""Scenarios: what would happen if the inputs changed, and how well a plant does."""
