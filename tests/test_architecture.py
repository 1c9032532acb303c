"""The packages import only downward, nothing heavy is loaded early, and there are no cycles."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "seqbench"
HEAVY = {
    "torch",
    "transformers",
    "pandas",
    "sklearn",
    "xgboost",
    "zarr",
    "duckdb",
    "matplotlib",
    "pydantic",
    "wandb",
    "tensorboard",
    "optuna",
    "distributed",
}
FOUNDATION = {"errors", "core"}
MAY_IMPORT: dict[str, set[str]] = {
    "core": set(),
    "config": set(),
    # Metrics know how many test items a score needs, which a data set is checked for.
    "datasets": {"config", "metrics"},
    "metrics": {"config"},
    # Folds, parts held out and splits are drawn by one rule, whoever draws them.
    "stratification": set(),
    # Loops, losses and optimisers know no stage: probes, fine-tuning and adaptation stand on them.
    "training": {"config"},
    # Plain modules that heads of any stage are made of.
    "networks": {"config"},
    # Documents come through the readers of imports, and batches are those of the training room.
    "corpora": {"config", "datasets", "metrics", "training"},
    "demo": {"datasets"},
    "store": {"config", "datasets", "metrics"},
    "models": {"config", "datasets", "metrics"},
    # What is tried next, given up and chosen, whatever is trained.
    "search": {"config"},
    # What makes a checkpoint trainable knows neither labels nor corpora: fine-tuning and adaptation share it.
    "tuning": {"config", "models", "training"},
    # Language modelling reads corpora and trains checkpoints; what it took is written down by its stage.
    "adapt": {"config", "datasets", "corpora", "models", "training", "tuning"},
    "catalog": {"config", "datasets", "metrics"},
    "extract": {"config", "datasets", "metrics", "models", "store"},
    # Heads that read tokens are ordinary networks.
    "probe": {"config", "datasets", "metrics", "stratification", "networks", "training", "store", "catalog"},
    "report": {"config", "metrics", "catalog"},
    # Shortcut controls are heads, so audits stand above probes. What an audit finds is a record of the
    # catalog, as what a probe scores.
    "audit": {"config", "datasets", "metrics", "stratification", "catalog", "probe"},
    "splitting": {"config", "datasets", "stratification", "audit"},
    # Language models are asked for letters as they are trained, on documents of corpora.
    "likelihood": {"config", "datasets", "metrics", "models", "corpora", "tuning", "catalog"},
    # Corpora are searched for copies as data sets are, and thinned by the clusters that splits are made of.
    "curation": {"config", "datasets", "metrics", "audit", "splitting", "corpora"},
    # Its results are probes of the catalog, split, judged and named as those of frozen models are.
    "finetune": {
        "config",
        "datasets",
        "metrics",
        "stratification",
        "training",
        "networks",
        "models",
        "tuning",
        "search",
        "catalog",
        "probe",
    },
    "predict": {"config", "datasets", "metrics", "store", "models", "extract", "probe", "finetune"},
    "tracking": {"config", "metrics", "catalog"},
    # What sorts, places and retries tasks knows no stage: they stand above it, and are found by their names.
    "schedule": {"config", "catalog", "tracking"},
    # Heads on cells are trained in the one training room, and read vectors from files or from what a stage
    # gives.
    "perturb": {"config", "metrics", "networks", "training", "catalog", "probe"},
    "stages": {
        "config",
        "datasets",
        "metrics",
        "store",
        "models",
        "catalog",
        "corpora",
        "extract",
        "probe",
        "perturb",
        "search",
        "adapt",
        "likelihood",
        "tuning",
        "finetune",
        "schedule",
    },
    # From a file to a config and an answer: imports, splits and reports are those of the rooms below.
    "suggest": {"config", "datasets", "metrics", "splitting", "report"},
    "cli": {
        "suggest",
        "config",
        "datasets",
        "metrics",
        "demo",
        "store",
        "models",
        "catalog",
        "report",
        "audit",
        "splitting",
        "corpora",
        "curation",
        "likelihood",
        "predict",
        "schedule",
        "stages",
        "perturb",
        "finetune",
    },
}


def imports(path: Path) -> set[str]:
    """Every module of seqbench that a module imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            submodules = names & modules().keys()
            found |= submodules if submodules == names else submodules | {node.module}
    return {name for name in found if name.startswith("seqbench.")}


@cache
def modules() -> dict[str, Path]:
    named = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        named[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return named


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_what_lies_below_it(package: str) -> None:
    allowed = MAY_IMPORT[package] | FOUNDATION | {package}
    for path in (PACKAGE / package).rglob("*.py"):
        used = {name.split(".")[1] for name in imports(path)}
        assert used <= allowed, f"{path} imports {used - allowed}"


def test_every_package_has_its_rule() -> None:
    packages = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert packages == MAY_IMPORT.keys()


def test_no_modules_import_each_other_in_a_circle() -> None:
    known = modules()
    edges = {name: {used for used in imports(path) if used in known} for name, path in known.items()}
    finished: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " > ".join([*trail, name])
        if name not in finished:
            for used in edges[name] - {name}:
                visit(used, (*trail, name))
            finished.add(name)

    for name in edges:
        visit(name, ())


@pytest.mark.parametrize("code", ["import seqbench", "import seqbench.cli.main"])
def test_nothing_heavy_is_loaded_before_it_is_needed(code: str) -> None:
    program = f"import sys; {code}; print(*({HEAVY} & sys.modules.keys()))"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == ""
