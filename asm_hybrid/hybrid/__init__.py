"""n, where it acts, the networks behind it, f + n in its plant, and the pure neural ODE it is compared with."""
