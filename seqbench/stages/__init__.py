"""The stages: what is wanted and what is there, how each task is done, and what is recorded of it."""
