"""Which models of a selection were made by training another one: adapted, or fine-tuned."""

from dataclasses import dataclass

from seqbench.report.reading.current import Reader

_MADE = """
SELECT m.model, t.base, t.stage, t.dataset
FROM models m
JOIN trainings t
    ON (t.stage = 'adapt' AND t.model IN (m.model, split_part(m.model, '@', 1)))
    OR (t.stage = 'finetune' AND (t.fingerprint = m.fingerprint OR t.folder = m.path))
WHERE list_contains($models, m.model) AND m.kind != 'random-init'
QUALIFY row_number() OVER (
    PARTITION BY m.model ORDER BY t.model = m.model DESC, t.finished_at DESC, t.key
) = 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A model that a training left, and where it came from."""

    model: str
    base: str
    """Model that the training began with; of several poolings the same one as `model`'s."""
    stage: str
    dataset: str | None


def read_made(reader: Reader) -> tuple[Made, ...]:
    """Read the models whose base is in the selection as well, in the order of the selection."""
    names = reader.selection.models
    found = {}
    for model, base, stage, dataset in reader.named(_MADE):
        pooled = f"{base}@{model.partition('@')[2]}" if "@" in model else base
        known = next((name for name in (pooled, base) if name in names and name != model), None)
        if known is not None:
            found[model] = Made(model=model, base=known, stage=stage, dataset=dataset)
    return tuple(found[name] for name in names if name in found)
