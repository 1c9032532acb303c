"""Names of perturbations of several genes at once: `KLF1+CEBPA`, `KLF1_CEBPA` is one name, `A;B` two."""

import re

_JOINED = re.compile(r"[+;|&]")


def genes_of(perturbation: str) -> tuple[str, ...]:
    """The genes that a perturbation's name holds, in order: joined by `+`, `;`, `|` or `&`.

    `ctrl` and `control` beside a gene, as Norman et al.'s `KLF1+ctrl` has them, are none.
    """
    parts = [part.strip() for part in _JOINED.split(perturbation)]
    genes = tuple(part for part in parts if part and part.lower() not in ("ctrl", "control"))
    return genes or (perturbation,)
