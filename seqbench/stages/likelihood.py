"""The stage that measures adapted models, and what they began with, in bits a letter."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from seqbench.catalog import Catalog
from seqbench.catalog.records import Record
from seqbench.config.adapt import CorpusConfig
from seqbench.config.likelihood import LikelihoodConfig
from seqbench.core.alphabets import Alphabet
from seqbench.corpora.corpus import Corpus, Part, open_corpus
from seqbench.corpora.source import CorpusSource
from seqbench.errors import ConfigError
from seqbench.likelihood.documents import ScoredCorpus, choose_documents
from seqbench.likelihood.keys import likelihood_key
from seqbench.likelihood.segments import SegmentSettings
from seqbench.models.checkpoint import Checkpoint
from seqbench.schedule.context import Context
from seqbench.schedule.graph import Group, Kind, Node
from seqbench.schedule.plan import Plan, Quantity, Share
from seqbench.schedule.stage import Doing, Stage, Told
from seqbench.stages.products import model_product
from seqbench.stages.workspace import workspace_of

KIND = Kind(stage="likelihood", unit="letters", power_key="schedule.extract_power")


@dataclass(frozen=True, slots=True, kw_only=True)
class LikelihoodTask:
    """Score one model on the corpora that it has not been scored on."""

    model: str
    known: frozenset[str] = field(default_factory=frozenset)
    """Names of corpora that the catalog has its bits of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scored:
    """A model that is scored."""

    name: str
    alphabets: frozenset[Alphabet]
    """Of the corpora that it, or what comes of it, is trained on."""
    base: str | None = None
    step: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _HeldOut:
    """A corpus and which of its documents no adaptation sees."""

    config: CorpusConfig
    share: float
    is_watched: bool = False

    def opened(self) -> tuple[Corpus, Part]:
        config = self.config
        path = config.path if config.eval is None else config.eval
        source = CorpusSource(
            name=config.name, path=path, format=config.format, key=config.key, group_key=config.group_key
        )
        return open_corpus(source), "all" if self.is_watched or config.eval is not None else "held_out"


class LikelihoodStage(Stage):
    """Plans the models whose bits the catalog lacks, and scores them."""

    kind = KIND
    doing = "measuring bits a letter"
    when_skipped = "not measured, as what makes the model failed"
    is_reported = True

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._workspace = context.shared(workspace_of)

    @property
    def _config(self) -> LikelihoodConfig:
        if self.context.config.likelihood is None:
            raise ConfigError("the config has no section `likelihood`, which says what is to be done")
        return self.context.config.likelihood

    @property
    def _settings(self) -> SegmentSettings:
        config = self._config
        return SegmentSettings(letters=config.segment, share=config.mask, seed=config.seed)

    @cached_property
    def _models(self) -> dict[str, _Scored]:
        """What adaptations begin with, then what they make."""
        found: dict[str, _Scored] = {}
        by_name = {corpus.name: corpus.alphabet for corpus in self._corpora}
        for entry in self.context.config.adapt:
            alphabets = frozenset(by_name[each.name] for each in entry.corpora if each.name in by_name)
            before = found.get(entry.model, _Scored(name=entry.model, alphabets=alphabets))
            found[entry.model] = replace(before, alphabets=before.alphabets | alphabets)
            for made in entry.checkpoints:
                found[made.name] = _Scored(
                    name=made.name, alphabets=alphabets, base=entry.model, step=made.step
                )
        return found

    @cached_property
    def _corpora(self) -> tuple[ScoredCorpus, ...]:
        """The documents of each corpus; those that hold out nothing are left out."""
        config, found = self._config, list[ScoredCorpus]()
        for each in self._held_out():
            corpus, part = each.opened()
            chosen = choose_documents(
                corpus,
                self._settings,
                part=part,
                share=each.share,
                letters=config.letters,
                longest=config.document_letters,
                is_watched=each.is_watched,
            )
            if chosen.documents:
                found.append(chosen)
            else:
                self.context.reporter.note(
                    f"{corpus.name}: no document is held out, so no bits a letter are measured on it (raise "
                    "adapt.eval, or name a file as its eval)"
                )
        return tuple(found)

    def _held_out(self) -> list[_HeldOut]:
        """The corpora of all adaptations, each with what none of them is trained on; then the watched ones.

        Raises:
            ConfigError: Two that differ have one name.
        """
        found: dict[str, _HeldOut] = {}
        every = [(each, entry.eval, False) for entry in self.context.config.adapt for each in entry.corpora]
        every += [(each, 1.0, True) for each in self._config.watch]
        for corpus, share, is_watched in every:
            before = found.get(corpus.name)
            if before is None:
                found[corpus.name] = _HeldOut(config=corpus, share=share, is_watched=is_watched)
            elif _same(before.config, corpus):
                found[corpus.name] = replace(before, share=min(before.share, share))
            else:
                raise ConfigError(
                    f"likelihood: {before.config.path} and {corpus.path} are both named {corpus.name}, or "
                    "are read in two ways (set `name:` on one of them)"
                )
        return list(found.values())

    def plan(self, plan: Plan) -> Iterator[Node]:
        """The models that lack a corpus; of those that are made first all are taken to."""
        with plan.listing("likelihood", ""):
            known = self._known_keys()
            for scored in self._models.values():
                makers = plan.makers(model_product(scored.name)) or frozenset()
                wanted = self._wanted(scored)
                done = frozenset[str]()
                if not makers:
                    fingerprint = self._workspace.identity(scored.name).fingerprint
                    done = frozenset(
                        each.name for each in wanted if likelihood_key(fingerprint, each) in known
                    )
                left = sum(_letters(each) for each in wanted if each.name not in done)
                plan.shares.append(_share(scored.name, sum(map(_letters, wanted)) - left, left))
                if left:
                    yield self._node(scored.name, done, left, makers)

    def _known_keys(self) -> set[str]:
        catalog = Catalog(self.context.config.catalog)
        if not catalog.path.exists():
            return set()
        return {row[0] for row in catalog.query("SELECT key FROM likelihoods").rows}

    def _wanted(self, scored: _Scored) -> list[ScoredCorpus]:
        """Corpora of the kind of letters that a model is trained on."""
        return [corpus for corpus in self._corpora if corpus.alphabet in scored.alphabets]

    def _node(self, model: str, known: frozenset[str], letters: int, makers: frozenset[str]) -> Node:
        return Node(
            key=f"likelihood/{model}",
            kind=KIND,
            model=model,
            task=LikelihoodTask(model=model, known=known),
            amount=letters,
            power=self.context.config.schedule.extract_power,
            after=makers,
        )

    def do(self, task: LikelihoodTask, doing: Doing) -> tuple[int, str | None]:
        """Score; gives the letters, and why a model can't be scored."""
        from seqbench.likelihood.evaluate import evaluate
        from seqbench.likelihood.scorer import NoHeadError, open_scorer

        scored = self._models[task.model]
        source = self._workspace.source(task.model)
        assert isinstance(source, Checkpoint)  # see `check_adaptations`
        wanted = [corpus for corpus in self._wanted(scored) if corpus.name not in task.known]
        for alphabet in dict.fromkeys(corpus.alphabet for corpus in wanted):
            try:
                scorer = open_scorer(source, alphabet)
            except NoHeadError as error:
                return 0, f"{error}; so no bits are compared with its own"
            for corpus in (each for each in wanted if each.alphabet == alphabet):
                record = evaluate(
                    scorer,
                    corpus,
                    self._settings,
                    doing.advance,
                    run_id=doing.run_id,
                    model=task.model,
                    base=scored.base,
                    step=scored.step,
                )
                doing.give([record])
        return sum(map(_letters, wanted)), None

    def received(self, task: LikelihoodTask, records: Sequence[Record]) -> Told:
        """Record what was measured."""
        return Told(records=records)

    def done(self, task: LikelihoodTask, result: tuple[int, str | None]) -> Told:
        """Count letters."""
        letters, why_not = result
        return Told(done=letters, notes=[] if why_not is None else [why_not])

    def summary(self, done: int, known: int) -> str:
        """Letters; those of before are told where there are some."""
        there = f", {known:,} were before" if known else ""
        return f"{done:,} letters scored for bits a letter{there}"


def _same(one: CorpusConfig, other: CorpusConfig) -> bool:
    ignored = {"weight", "both_strands"}
    return one.model_dump(exclude=ignored) == other.model_dump(exclude=ignored)


def _letters(corpus: ScoredCorpus) -> int:
    return sum(len(segment.text) for document in corpus.documents for segment in document.segments)


def _share(model: str, done: int, left: int) -> Share:
    return Share(
        model=model,
        dataset="",
        group=Group(KIND.stage, model, ""),
        done=done,
        left=left,
        quantities=(Quantity(column="letters scored", amount=left, form="short"),),
    )
