"""Made-up bits a letter of the models of any made-up analysis: no catalog, no statistics."""

from dataclasses import replace

from seqbench.report.bits import BitsGain, CorpusBits

CORPORA = {"phage": 0.06, "clinic notes": 0.01, "host": -0.03}
"""What 1,000 steps bring."""
STEPS = (250, 500, 1000)


def with_bits(analysis):
    """A made-up analysis in which the first model was adapted: its checkpoints score a little more each."""
    base = next(model for model in analysis.results.models if not model.is_control)
    made = {step: "phage-bert" if step == STEPS[-1] else f"phage-bert@{step}" for step in STEPS}
    bits = []
    for corpus, gain in CORPORA.items():
        bits.append(_bits(base.name, None, None, corpus, 1.95))
        bits += [
            _bits(name, base.name, step, corpus, 1.95 - gain * step / 1000) for step, name in made.items()
        ]
    models = (*analysis.results.models, *(replace(base, name=name) for name in made.values()))
    rows = [row for row in analysis.leaderboard if row.model == base.name]
    more = [
        replace(row, model=name, choice=_better(row.choice, step / 20_000))
        for row in rows
        for step, name in made.items()
    ]
    results = replace(analysis.results, models=models, bits=tuple(bits))
    return replace(analysis, results=results, leaderboard=(*analysis.leaderboard, *more))


def _bits(model, base, step, corpus, bits):
    difference = None if step is None else CORPORA[corpus] * step / 1000
    gain = difference and BitsGain(
        difference=difference, low=difference - 0.009, high=difference + 0.009, p=0.01
    )
    return CorpusBits(
        model=model, base=base, step=step, corpus=corpus, is_watched=corpus == "host", symbol="base",
        objective="mlm", n_documents=200, n_letters=30_000, bits=bits, low=bits - 0.02, high=bits + 0.02,
        token_perplexity=2**bits, gain=gain,
    )  # fmt: skip


def _better(choice, gain):
    if choice.test.value is None:
        return choice
    moved = {name: getattr(choice.test, name) + gain for name in ("value", "low", "high")}
    return replace(choice, test=replace(choice.test, **moved))
