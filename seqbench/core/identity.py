"""Which weights and which settings made an embedding: what store, catalog and models agree on."""

from dataclasses import asdict, dataclass
from typing import Any

from seqbench.core.json_records import read_record

Settings = dict[str, str | int | bool | None]
"""How embeddings were computed: pooling, window, dtype of compute. Equal settings mean equal embeddings."""


SETTING_DEFAULTS: Settings = {"special_tokens": True, "stride": None, "strands": "none", "tokens_by": "plain"}
"""What holds of embeddings that were stored before these settings existed."""

MOST_LAYERS = 100_000
"""No model has more; a larger number comes from damage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelIdentity:
    """Which weights: where kind and fingerprint agree it is the same model, wherever its files lie."""

    name: str
    """Folder of the store, key of the catalog."""
    kind: str
    """huggingface, random-init, kmer, onehot, position or precomputed."""
    path: str | None
    """Directory or hub id; None for models without files."""
    revision: str | None
    """Commit of a hub repository."""
    fingerprint: str
    """SHA-256 over weights, config and tokenizer, or over the parameters of a model without files."""
    n_layers: int
    """Layers including layer 0, the embedding output."""
    hidden: int | None
    """Width of a layer; None where it depends on the data set, as for one-hot."""

    def attrs(self) -> dict[str, Any]:
        """The attributes of the model's group."""
        identity = {
            key: value for key, value in asdict(self).items() if key not in ("name", "n_layers", "hidden")
        }
        return {"identity": identity, "n_layers": self.n_layers, "hidden": self.hidden}

    @classmethod
    def from_attrs(cls, name: str, attrs: dict[str, Any]) -> "ModelIdentity":
        """Read back what `attrs` wrote.

        Raises:
            ValueError: A key is missing, unknown, of another type or out of range.
        """
        rest = {key: value for key, value in attrs.items() if key != "identity"}
        if not isinstance(attrs.get("identity"), dict):
            raise ValueError("identity: is missing")
        return cls.from_json({"name": name, **rest, **attrs["identity"]})

    @classmethod
    def from_json(cls, content: object) -> "ModelIdentity":
        """Read back what `asdict` gave, from JSON.

        Raises:
            ValueError: As for `from_attrs`.
        """
        found = read_record(cls, content)
        if not 0 < found.n_layers <= MOST_LAYERS:
            raise ValueError(f"n_layers: is {found.n_layers}")
        return found
