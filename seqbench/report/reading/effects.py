"""What heads of responses predict of single genes, at the chosen layers."""

from collections.abc import Sequence

from seqbench.report.reading.current import Key, Reader
from seqbench.report.reading.training import place_parameters
from seqbench.report.results import PredictedEffects

_EFFECTS = """
, places(dataset, model, head, layer) AS (
    SELECT unnest($place_datasets), unnest($place_models), unnest($place_heads), unnest($place_layers)
),
shown AS (
    SELECT dataset, model, head, layer, probe_id
    FROM asked
    JOIN current USING (dataset, model, head, variant)
    JOIN places USING (dataset, model, head, layer)
    WHERE status = 'ok'
    QUALIFY row_number() OVER (PARTITION BY dataset, model, head ORDER BY seed) = 1
)
SELECT
    dataset, model, head, layer, perturbation, list(predicted ORDER BY gene), list(observed ORDER BY gene)
FROM shown JOIN effects USING (probe_id)
GROUP BY ALL
ORDER BY ALL
"""


def read_effects(reader: Reader, places: Sequence[tuple[Key, int]]) -> tuple[PredictedEffects, ...]:
    """Read predicted and real effects of a layer of each data set, model and head that has some.

    Of several seeds it is that of the lowest. They stand in the order of data set, model, head and
    perturbation.
    """
    return tuple(
        PredictedEffects(
            dataset=dataset,
            model=model,
            head=head,
            layer=layer,
            perturbation=perturbation,
            predicted=tuple(predicted),
            real=tuple(real),
        )
        for dataset, model, head, layer, perturbation, predicted, real in reader.rows(
            _EFFECTS, **place_parameters(places)
        )
    )
