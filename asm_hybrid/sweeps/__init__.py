"""A study run: each case a simulation or a training, its folder, and what goes on where it stopped."""
