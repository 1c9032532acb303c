"""Who is better than whom, and how sure that is: models, layers, controls, ranks over data sets."""
