"""One training room for everything that is trained step by step.

`loop.py` runs a training, whatever is trained: it hands a step's batches to a `Trainee`, tells it the share
of the learning rate, asks for a point of the learning curve, says what to keep, when to stop and to save.
`network.py` is the trainee of one ordinary torch network; the stack of probe MLPs is another.
"""
