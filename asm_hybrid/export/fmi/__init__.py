"""The fitted plant as functional mock-up units (FMUs): variables, descriptions, binaries, archives."""
