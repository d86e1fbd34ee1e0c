"""What a notebook gets: results as data frames and small objects that show themselves."""
