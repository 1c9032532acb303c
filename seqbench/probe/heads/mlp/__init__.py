"""The MLP head: networks of all layers, fits and rates as one stack."""
