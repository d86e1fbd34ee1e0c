"""The peers of the BSM1 benchmark, each in an environment of its own."""
