"""Packages that add models to transformers when they are imported, such as multimolecule.

Importing a package runs its code, so only a user's own config or command line may name one.
"""

from importlib import import_module

from seqbench.errors import ModelError, said


def import_package(name: str, model: str) -> None:
    """Import a package for what it registers.

    Args:
        name: As in an `import` statement.
        model: The model that requires it, for messages.

    Raises:
        ModelError: It is not installed, or can't be imported.
    """
    try:
        import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or name
        beneath = "" if missing == name else f", which {name} needs,"
        raise ModelError(
            f"model {model!r}: requires: {missing}{beneath} is not installed (pip install "
            f"{missing.partition('.')[0]})"
        ) from error
    except Exception as error:  # it runs code of its own
        raise ModelError(f"model {model!r}: requires: {name} can't be imported: {said(error)}") from error
