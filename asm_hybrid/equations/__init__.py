"""Generic ODEs, which are no plant: a table or a network as the right-hand side, fitted through the solver."""
