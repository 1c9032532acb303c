"""`seqbench run`, a command for each stage, `report` and `plan`: the main job and its parts."""

import os
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from seqbench.cli.options import (
    EXIT_PARTIAL,
    ConfigPath,
    Overrides,
    console,
    load,
    load_whole,
    relative,
    reporter,
)
from seqbench.core.collecting import keep_loaded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from seqbench.cli.selection import Filters
    from seqbench.config import Config
    from seqbench.core.progress import Reporter
    from seqbench.report import ReportOutcome
    from seqbench.schedule.plan import PlanProblem
    from seqbench.schedule.run import Outcome


def of_stage(name: str, text: str) -> "Callable[..., None]":
    """The command of one stage.

    Args:
        name: In the registry.
        text: The command's help.
    """

    def command(config: ConfigPath, set_: Overrides = None) -> None:
        told = reporter()
        outcome = _run(load(config, set_, told), told, name)
        _tell("not applicable", outcome.not_applicable, told)
        _fail_if_any(outcome, told)

    command.__name__, command.__doc__ = name, text
    return command


extract = of_stage(
    "extract",
    """Fill the store with what is missing.

    Every wanted layer of every model on every data set, block by block.
    """,
)
probe = of_stage(
    "probe",
    """Train the missing probes on stored embeddings.

    Results go to the catalog as they come.
    """,
)

finetune = of_stage(
    "finetune",
    """Train checkpoints with a head on the data sets, by LoRA or in full.

    Scores stand beside those of frozen probes; trained models go to finetune.out, with a model card.
    """,
)

SMOKE = (
    "perturb.st.steps=20",
    "perturb.st.val_every=10",
    "perturb.st.checkpoint_steps=null",
    "perturb.seeds=[0]",
)
"""What a trial changes; its results go into a catalog of their own."""


def perturb(
    config: ConfigPath,
    smoke: Annotated[
        bool, typer.Option("--smoke", help="A trial of 20 steps, into smoke-<catalog> beside the catalog.")
    ] = False,
    set_: Overrides = None,
) -> None:
    """Train heads on perturbed cells.

    Vectors of perturbations come from models in the store; every head is held against baselines.
    """
    told = reporter()
    loaded = load(config, [*(set_ or ()), *(SMOKE if smoke else ())], told)
    if smoke:
        catalog = loaded.catalog.with_name(f"smoke-{loaded.catalog.name}")
        loaded = loaded.model_copy(update={"catalog": catalog})
    outcome = _run(loaded, told, "perturb")
    _tell("not applicable", outcome.not_applicable, told)
    _fail_if_any(outcome, told)


def adapt(
    config: ConfigPath,
    steps: Annotated[
        int | None,
        typer.Option("--steps", min=1, help="A trial of this many steps, of which nothing is kept."),
    ] = None,
    set_: Overrides = None,
) -> None:
    """Go on with language modelling on corpora.

    What it makes are models of the config. Running again goes on where it stopped.
    """
    told = reporter()
    loaded = load(config, set_, told)
    with nullcontext(loaded) if steps is None else _trial(loaded, steps) as wanted:
        outcome = _run(wanted, told, "adapt")
    _fail_if_any(outcome, told)


likelihood = of_stage(
    "likelihood",
    """Measure adapted models, and what they began with, in bits a letter.

    On held-out documents of their corpora, and on those that are watched.
    """,
)


@contextmanager
def _trial(config: "Config", steps: int) -> "Iterator[Config]":
    """The config with fewer steps, and a folder for all that comes of them, which is removed."""
    from shutil import rmtree

    from seqbench.config.made import shortened
    from seqbench.core.atomic import make_folders, partial_of

    folder = partial_of(config.catalog.parent / "trial")
    make_folders(folder)
    try:
        yield shortened(config, steps, folder)
    finally:
        rmtree(folder, ignore_errors=True)


def report(
    config: ConfigPath,
    models: Annotated[
        list[str] | None, typer.Option(help="Only these models of the config, with commas or repeated.")
    ] = None,
    datasets: Annotated[
        list[str] | None, typer.Option(help="Only these data sets, with commas or repeated.")
    ] = None,
    metric: Annotated[
        str | None, typer.Option(help="Choose layers and rank by this metric rather than the task's primary.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Only probes recorded since, e.g. 2026-11-20 or 2026-11-20T15:00.")
    ] = None,
    set_: Overrides = None,
) -> None:
    """Write tables, figures and a page from the catalog.

    Files that would not change are left as they are.
    """
    from seqbench.cli.selection import Filters

    told = reporter()
    filters = Filters(models=models or (), datasets=datasets or (), metric=metric, since=since)
    made = _report(load(config, set_, told), told, filters)
    for failure in made.analysis.results.failed:
        layers = ", ".join(map(str, failure.layers))
        place = f"{failure.model} × {failure.dataset}, {failure.head}, layers {layers}"
        told.note(f"failed: {place}: {failure.reason}")


def run(config: ConfigPath, set_: Overrides = None) -> None:
    """Extract, probe and report in one go.

    Running again does only what is missing.
    """
    told = reporter()
    loaded = load(config, set_, told)
    outcome = _run(loaded, told, "run")
    _tell("not applicable", outcome.not_applicable, told)
    if outcome.has_results:
        made = _report(loaded, told)
        _next_steps(config, loaded, only_bits=not made.analysis.results.curves)
    _fail_if_any(outcome, told)


def plan(
    config: ConfigPath,
    slurm_script: Annotated[
        bool, typer.Option("--slurm-script", help="Print the script of a SLURM job instead.")
    ] = False,
    set_: Overrides = None,
) -> None:
    """Show what would run: items, letters, bytes on disk, probes. Runs nothing."""
    from seqbench.cli.plan_table import labels_table, plan_table
    from seqbench.schedule.run import look

    told = reporter()
    whole = load_whole(config, set_, told)
    if slurm_script:
        typer.echo(_slurm_script(whole.config))
        return
    made, _ = look(whole.config, told, "run")
    out = console()
    out.print(plan_table(made))
    if any(share.labels for share in made.shares):
        out.print()
        out.print(labels_table(made))
    for line in whole.controls:
        told.note(line)
    _tell("not applicable", made.not_applicable, told)
    _tell("can't be worked on", made.failed, told)
    if made.failed:
        raise typer.Exit(EXIT_PARTIAL)


def _slurm_script(config: "Config") -> str:
    from seqbench.errors import ConfigError

    if config.schedule.cluster != "slurm":
        raise ConfigError("--slurm-script: schedule.cluster is not slurm (--set schedule.cluster=slurm)")
    from seqbench.schedule.executors.opening import logs_folder
    from seqbench.schedule.executors.slurm import job_script

    return job_script(config.schedule, logs_folder(config.catalog))


def _run(config: "Config", told: "Reporter", command: str) -> "Outcome":
    """Do it, and say how much was done."""
    from seqbench.schedule.run import run as run_config

    outcome = run_config(config, told, command)
    told.note(", ".join(outcome.summary))
    return outcome


def _fail_if_any(outcome: "Outcome", told: "Reporter") -> None:
    """Say what failed, and leave with the exit code that goes with it."""
    _tell("failed", outcome.failed, told)
    if outcome.failed:
        raise typer.Exit(EXIT_PARTIAL)


def _tell(what: str, problems: "Sequence[PlanProblem]", told: "Reporter") -> None:
    """One line for all data sets on which a model has the same trouble."""
    together: dict[tuple[str, str], list[str]] = {}
    for problem in problems:
        together.setdefault((problem.model, problem.reason), []).append(problem.dataset)
    for (model, reason), datasets in together.items():
        where = " × ".join(filter(None, (model, ", ".join(datasets))))
        told.note(f"{what}: {where}: {reason}")


@contextmanager
def run_and_report(path: "Path", told: "Reporter") -> "Iterator[ReportOutcome | None]":
    """What `seqbench run` does, with another ending: gives the report, or None where there are no results.

    Raises:
        Exit: Some work failed; after the block.
    """
    loaded = load(path, None, told)
    outcome = _run(loaded, told, "run")
    _tell("not applicable", outcome.not_applicable, told)
    yield _written(loaded, told) if outcome.has_results else None
    _fail_if_any(outcome, told)


def _report(config: "Config", told: "Reporter", filters: "Filters | None" = None) -> "ReportOutcome":
    """Write the report, and show what stands first in it."""
    from seqbench.report import leaderboard_table, trained_ways_table
    from seqbench.report.sentences.audits import other_datasets, red_datasets

    made = _written(config, told, filters)
    out = console()
    ways = trained_ways_table(made.analysis)
    has_bits = bool(made.analysis.results.bits)
    if made.analysis.leaderboard or (ways is None and not has_bits):
        out.print(leaderboard_table(made.analysis, out.width))
    if ways is not None:
        out.print()
        out.print(ways)
    red = red_datasets(made.analysis)
    for sentence in made.sentences:
        out.print(sentence, style="bold red" if sentence in red else None, markup=False, highlight=False)
    for line in other_datasets(made.analysis):
        out.print(line, style="dim", markup=False, highlight=False)
    out.print(f"\nThe page: {made.page}", markup=False, highlight=False, soft_wrap=True)
    return made


def _written(config: "Config", told: "Reporter", filters: "Filters | None" = None) -> "ReportOutcome":
    from seqbench.catalog import open_catalog
    from seqbench.cli.selection import Filters, selected
    from seqbench.report import ReportSettings, write_report

    keep_loaded()
    catalog = open_catalog(config.catalog)
    choice = config.report
    settings = ReportSettings(
        out=choice.out,
        best_table=choice.best_table,
        layer_figure=choice.layer_figure,
        table_formats=choice.table_formats,
        figure_formats=choice.figure_formats,
        processes=os.cpu_count() or 1,
    )
    with catalog.kept_open():
        selection = selected(config, catalog, filters or Filters())
    return write_report(catalog=catalog, selection=selection, settings=settings, reporter=told)


def _next_steps(path: "Path", config: "Config", *, only_bits: bool) -> None:
    """Commands to try next, ready to paste; `only_bits` where there was nothing to probe."""
    out = console()
    catalog = f"--catalog {relative(config.catalog)}"
    lines = [
        'seqbench sql "FROM leaderboard SELECT dataset, rank, model, head, layer, test_score, gap '
        f'ORDER BY dataset, place" {catalog}',
        f"seqbench sql \"FROM results SELECT * WHERE split = 'test'\" {catalog} --format csv > results.csv",
        f"seqbench store list {relative(config.store.path)}",
        f"seqbench run {path} --set 'probe.seeds=[1,2,3]'",
    ]
    if only_bits and config.likelihood is not None:
        lines = [f'seqbench sql "FROM likelihoods SELECT corpus, model, step, bits ORDER BY ALL" {catalog}']
    out.print("Next:", highlight=False)
    for line in lines:
        out.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
