"""The stages of a run, one a file: each is a function of the run's context and of what earlier stages have returned.

It returns what it learnt. What may take long takes a callable ``keep`` too, which gets the best so far as soon as there
is one, so that a run that is interrupted or fails within the stage can still save it. n depends on f over the record,
the pure neural ODE on the context alone.
"""
