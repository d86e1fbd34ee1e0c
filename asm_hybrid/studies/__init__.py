"""Studies: factors, designs, and what many cases of one plant say together."""
