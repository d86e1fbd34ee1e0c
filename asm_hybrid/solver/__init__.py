"""Time integration: batches of stiff windows with gradients, explicit methods, and one plant by CVODES.

The modules are imported one by one, since one of them needs no torch and the others no CasADi.
"""
