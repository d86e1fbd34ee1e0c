"""The catalogue of public data sets, and how they get here."""
