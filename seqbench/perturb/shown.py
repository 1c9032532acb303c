"""Predicted and real effects of single genes, for figures; all genes would be most of a catalog.

Shape letters: N pairs of perturbation and context, P perturbations, G genes, K genes kept.
"""

import numpy as np
from numpy.typing import NDArray

from seqbench.catalog.records import EffectsRecord
from seqbench.perturb.baselines import Response
from seqbench.perturb.effects import Effects

MOST_GENES = 200
"""Genes that are kept: half of them those that change most."""


def shown_effects(effects: Effects, response: Response) -> EffectsRecord:
    """What a head predicts of the perturbations of test, and what their cells show; means over contexts.

    Args:
        effects: What was measured.
        response: A trained head.
    """
    import pandas as pd
    from anndata.utils import make_index_unique

    pairs, names = effects.pairs("test"), effects.roles.perturbations("test")
    real_NG = np.stack([effects.delta(pair) for pair in pairs])
    predicted_NG = np.stack([response.delta(pair) for pair in pairs])
    genes_K = _shown_genes(real_NG)
    unique = make_index_unique(pd.Index(effects.matrix.genes))
    places = [[place for place, pair in enumerate(pairs) if pair[0] == name] for name in names]
    return EffectsRecord(
        perturbations=tuple(names),
        genes=tuple(unique[genes_K]),
        predicted_PG=np.stack([predicted_NG[each][:, genes_K].mean(axis=0) for each in places]),
        real_PG=np.stack([real_NG[each][:, genes_K].mean(axis=0) for each in places]),
    )


def _shown_genes(real_NG: NDArray[np.float64]) -> NDArray[np.int64]:
    """Half of the genes are those that test's perturbations change most, the others drawn by a fixed seed."""
    order = np.argsort(-np.square(real_NG).sum(axis=0), kind="stable")
    most = MOST_GENES // 2
    others = np.random.default_rng(0).permutation(order[most:])[: MOST_GENES - most]
    return np.sort(np.concatenate([order[:most], others]))
