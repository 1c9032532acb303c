"""Names of what stages make for each other; see `Plan.makers`."""


def model_product(model: str) -> str:
    """The files of a model of the config, where a task of the run makes them."""
    return f"model {model}"


def embeddings_product(model: str, dataset: str) -> str:
    """What the store holds of a model (its name there) on a data set, all splits and wanted layers."""
    return f"embeddings {model}/{dataset}"
