"""The sentences of the summary by what they are about."""
