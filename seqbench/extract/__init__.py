"""The first stage: models over data sets, pooled hidden states of every layer into the store."""
