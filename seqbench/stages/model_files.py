"""Models of a config that are never run, as others have embedded with them: the files of what came out."""

from typing import TYPE_CHECKING

from seqbench.config import ByIdModel, PrecomputedModel
from seqbench.stages.entries import Entries
from seqbench.stages.lending import Once

if TYPE_CHECKING:
    from seqbench.extract.by_id import IdFile
    from seqbench.models.precomputed import Precomputed


class ModelFiles:
    """Opens each model's files once."""

    def __init__(self, entries: Entries) -> None:
        """Open nothing yet.

        Args:
            entries: The config's models.
        """
        self._entries = entries
        self._precomputed = Once(self._open_precomputed)
        self._by_id = Once(self._open_by_id)

    def precomputed(self, name: str) -> "Precomputed":
        """The folder of a model whose embeddings come from files.

        Raises:
            TypeError: They do not.
        """
        return self._precomputed[name]

    def by_id(self, name: str) -> "IdFile":
        """The file of a model whose embeddings are found by id.

        Raises:
            TypeError: They are not.
        """
        return self._by_id[name]

    def _open_precomputed(self, name: str) -> "Precomputed":
        from seqbench.models.precomputed import Precomputed

        entry = self._entries.model(name)
        if not isinstance(entry, PrecomputedModel):
            raise TypeError(f"{name} is a {entry.kind} model")
        return Precomputed(name=name, path=entry.path, n_layers=entry.n_layers)

    def _open_by_id(self, name: str) -> "IdFile":
        from seqbench.extract.by_id import IdFile

        entry = self._entries.model(name)
        if not isinstance(entry, ByIdModel):
            raise TypeError(f"{name} is a {entry.kind} model")
        return IdFile(name=name, path=entry.path, id_column=entry.id_column)
