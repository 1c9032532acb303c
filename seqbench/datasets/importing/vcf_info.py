"""The INFO column of VCF: which of a key's values is an allele's, by the header's `Number`."""

import re
from typing import Final

from seqbench.datasets.importing.record import Place
from seqbench.errors import DataError

_LINE: Final = re.compile(r"##INFO=<(?:.*?[,<])?ID=([^,>]+)(.*)")
_FIELD: Final = re.compile(r",(Number|Type)=([^,>]+)")


class InfoLabel:
    """Finds the label under one key, as one file's header declares it."""

    def __init__(self, key: str) -> None:
        self.key = key
        self._number = "1"
        """VCF has no default; bcftools, too, takes an undeclared key for one value of text."""
        self.declared = False

    def header(self, line: str, place: Place) -> None:
        """Take in a line of the header.

        Raises:
            DataError: It declares the key with a value for each genotype.
        """
        match = _LINE.match(line)
        if match is None or match[1] != self.key:
            return
        fields = dict(_FIELD.findall(match[2]))
        self._number = "0" if fields.get("Type") == "Flag" else fields.get("Number", "1")
        self.declared = True
        if self._number == "G":
            raise DataError(
                f"{place}: INFO key {self.key} has a value for each genotype (Number=G), which is no "
                "label of an allele (choose a key of another Number)"
            )

    def of(self, info: str, place: Place, number: int, n_alts: int) -> str | None:
        """The label of alternate allele `number`, from 0, of `n_alts`; None where there is none.

        Of a flag, 1 where it stands and 0 where not; of `Number=A` and `R` the allele's own value; of others
        all that is written.

        Raises:
            DataError: There are more or fewer values than alleles.
        """
        found = None
        for entry in info.split(";"):
            key, _, value = entry.partition("=")
            if key == self.key:
                found = value
        if self._number == "0":
            return "0" if found is None else "1"
        if found is not None and self._number in ("A", "R") and found != ".":
            values = found.split(",")
            expected = n_alts + (self._number == "R")
            if len(values) != expected:
                raise DataError(
                    f"{place}: INFO key {self.key} has {len(values)} values for {expected} alleles; the "
                    f"header says Number={self._number} (mend the line)"
                )
            found = values[number + (self._number == "R")]
        return None if found == "." else found
