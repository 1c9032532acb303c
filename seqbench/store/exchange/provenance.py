"""What goes with exported embeddings: where they come from, and hashes that tell of changes."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from seqbench.core.identity import ModelIdentity
from seqbench.core.json_records import read_record
from seqbench.errors import StoreError, said
from seqbench.store.records import EmbeddingFacts

VERSION = 1
"""Of this record; a higher one is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """One model on one data set, as the store had it, and what of it was exported."""

    model: ModelIdentity
    dataset: str
    facts: EmbeddingFacts
    sha256: dict[str, str]
    """Of `<layer>/<split>`: the rows' float32 in order; of `rows/<split>`: labels and item facts."""
    rounding_error: dict[str, float]
    """Of `<layer>/<split>` where the store keeps less than float32: the largest, relative to its row."""

    def to_json(self) -> str:
        """As JSON text."""
        content = {
            "seqbench_export": VERSION,
            "model": asdict(self.model),
            "dataset": self.dataset,
            "facts": self.facts.attrs(),
            "sha256": self.sha256,
            "rounding_error": self.rounding_error,
        }
        return json.dumps(content, indent=1, sort_keys=True)

    @classmethod
    def from_json(cls, text: str | bytes, where: Path) -> "Provenance":
        """Read back what `to_json` wrote.

        Raises:
            StoreError: It is damaged or of a newer version; names the file.
        """
        try:
            content = json.loads(text)
            if read_record(int, content["seqbench_export"]) > VERSION:
                raise StoreError(f"{where}: was exported by a newer seqbench: upgrade this one")
            return cls(
                model=ModelIdentity.from_json(content["model"]),
                dataset=read_record(str, content["dataset"]),
                facts=EmbeddingFacts.from_attrs(content["facts"]),
                sha256=read_record(dict[str, str], content["sha256"]),
                rounding_error=read_record(dict[str, float], content["rounding_error"]),
            )
        except KeyError as error:
            raise StoreError(f"{where}: its provenance is damaged: no key {error} (export again)") from error
        except (ValueError, TypeError, RecursionError) as error:
            raise StoreError(f"{where}: its provenance is damaged: {said(error)} (export again)") from error

    def joined(self, other: "Provenance", where: Path) -> "Provenance":
        """This and what another file of the same export says.

        Raises:
            StoreError: They come from different weights, data or settings; names the other file.
        """
        if not self.same_origin(other):
            raise StoreError(f"{where}: comes from other weights, data or settings than the files beside it")
        return replace(
            self,
            sha256={**self.sha256, **other.sha256},
            rounding_error={**self.rounding_error, **other.rounding_error},
        )

    def same_origin(self, other: "Provenance") -> bool:
        """Whether both tell of the same weights, data and settings."""
        mine, theirs = (
            (each.model.fingerprint, each.facts.data_hash, each.facts.settings) for each in (self, other)
        )
        return mine == theirs


def file_hash(paths: list[Path]) -> str:
    """SHA-256 over names and contents of files; hexadecimal."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{path.name}\0{content}\0".encode())
    return digest.hexdigest()
