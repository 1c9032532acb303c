"""What seqbench reads, each kind with the library call behind its command."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqbench.core.progress import Silent

Read = Callable[[Path], Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Files of one kind in the world's folder, and what reads them."""

    files: tuple[str, ...]
    """Which of them may be damaged: paths or patterns."""
    read: Read
    """Raises, or returns lines that were told; none where all was well."""
    form: str = "bytes"
    """How their values are damaged: jsonl, json, yaml, text or bytes."""
    needs: tuple[str, ...] = ()
    """Further files and folders of the world that the call wants."""
    names: tuple[str, ...] = ()
    """What else a line may name as the place, such as the folder of the file."""
    writes: bool = False
    """Whether the call may change its folder although it fails later, as `extract` does."""
    own_process: bool = False
    """Whether a library may bring the process down, so that another one must do it."""


def _check_dataset(folder: Path) -> Sequence[str]:
    from seqbench.datasets.check import check_dataset
    from seqbench.datasets.registry import resolve

    info = folder / "info.yaml"
    specs = resolve(folder / "data", info if info.exists() else None, ["d"]).specs
    return [line for spec in specs for line in check_dataset(spec).warnings]


def _load(name: str) -> Read:
    def read(folder: Path) -> Sequence[str]:
        from seqbench.config import load_config

        load_config(folder / name)
        return ()

    return read


def _plan(folder: Path) -> Sequence[str]:
    from seqbench.config import load_config
    from seqbench.schedule.run import look

    found, _ = look(load_config(folder / "my.yaml").config, Silent(), "run")
    return [problem.reason for problem in found.failed]


def _run(command: str) -> Read:
    def read(folder: Path) -> Sequence[str]:
        from seqbench.config import load_config
        from seqbench.schedule.run import run

        done = run(load_config(folder / "my.yaml").config, Silent(), command)  # type: ignore[arg-type]
        return [problem.reason for problem in done.failed]

    return read


def _verify(folder: Path) -> Sequence[str]:
    """Look at all of a store, as `store list` and `verify` do; faults are told one by one."""
    from seqbench.errors import StoreError
    from seqbench.store import open_store

    store = open_store(folder / "embeddings.zarr")
    keys = list(store.keys())
    told = [f"{fault.where}: {fault.what}" for key in keys for fault in store.verify(key)]
    for key in keys:
        try:
            entry = store[key]
            for split in entry.splits:
                layers = entry.split_layers(split)
                entry.missing_blocks(split, layers or range(entry.model.n_layers))
                entry.stored_bytes(split)
                for layer in layers:
                    entry.load(layer, split)
                entry.labels(split)
                entry.items(split)
        except StoreError as error:
            told.append(str(error))
    return told


def _import_store(form: str) -> Read:
    def read(folder: Path) -> Sequence[str]:
        from seqbench.datasets.spec import DatasetSpec
        from seqbench.stages.import_pt import import_pt
        from seqbench.store.exchange.imports import import_files

        def describe(name: str) -> DatasetSpec:
            return DatasetSpec(name=name, folder=Path())

        store, files = str(folder / "new.zarr"), folder / form / "kmer-1"
        if form == "pt":
            import_pt(store, files, "m", (), describe, Silent())
        else:
            import_files(store, files, form, "m", (), describe, Silent())  # type: ignore[arg-type]
        return ()

    return read


def _logged(folder: Path) -> Sequence[str]:
    return _catalog(folder / "logged")


def _catalog(folder: Path) -> Sequence[str]:
    from seqbench.catalog import open_catalog
    from seqbench.catalog.check import check
    from seqbench.catalog.overview import overview

    catalog = open_catalog(folder / "catalog.duckdb")
    told = list(check(catalog).findings)
    overview(catalog)
    for table in ("leaderboard", "results", "probes", "predictions"):
        catalog.query(f"SELECT * FROM {table}")
    return told


def _catalog_import(folder: Path) -> Sequence[str]:
    from seqbench.catalog import Catalog
    from seqbench.catalog.exchange import import_folder

    import_folder(Catalog(folder / "new.duckdb"), folder / "export")
    return ()


def _catalog_import_unhashed(folder: Path) -> Sequence[str]:
    """As if who damaged the files had changed the manifest as well."""
    import hashlib
    import json

    manifest = folder / "export" / "manifest.json"
    told = json.loads(manifest.read_text())
    for about in told["tables"].values():
        about["sha256"] = hashlib.sha256((folder / "export" / about["file"]).read_bytes()).hexdigest()
    manifest.write_text(json.dumps(told))
    return _catalog_import(folder)


def _status(folder: Path) -> Sequence[str]:
    from seqbench.cli.status import _running
    from seqbench.schedule.heartbeat import last_beat

    _running(last_beat(folder / "catalog.duckdb"))
    return ()


def _predict(given: str) -> Read:
    def read(folder: Path) -> Sequence[str]:
        from seqbench.cli.predict import _as_recorded
        from seqbench.predict import load, predict

        path = folder / "raw" / "head.safetensors"
        head = load(path)
        model = _as_recorded(head, path, {})
        predict(head, path, str(folder / given), folder / "out.tsv", model, Silent())
        return ()

    return read


def _imported(kind: str, suffix: str) -> Read:
    def read(folder: Path) -> Sequence[str]:
        from seqbench.datasets.importing.importing import ImportSettings, import_dataset
        from seqbench.datasets.importing.splits import SplitRule, fractions_of

        rule = SplitRule(fractions=fractions_of("1/0/1"))
        source = _source(kind, folder, folder / "raw" / f"x.{suffix}")
        import_dataset(source, ImportSettings(out=folder / "root" / "new", splits=rule), Silent())
        return ()

    return read


def _source(kind: str, folder: Path, path: Path) -> Any:
    from seqbench.datasets.importing.bed import BedSource, WindowRule
    from seqbench.datasets.importing.fasta import FastaSource
    from seqbench.datasets.importing.files import SplitPath
    from seqbench.datasets.importing.headers import label_by_key
    from seqbench.datasets.importing.rows import TableSource
    from seqbench.datasets.importing.vcf import VcfSource

    files, genome = [SplitPath(path)], folder / "raw" / "genome.fa"
    if kind == "fasta":
        return FastaSource(files=files, from_header=label_by_key("label"))
    if kind == "table":
        return TableSource(files=files)
    if kind == "bed":
        return BedSource(files=files, genome=genome, rule=WindowRule(flanks=1, out_of_range="pad"))
    return VcfSource(files=files, genome=genome, window=4, on_mismatch="skip", out_of_range="pad")


def _model(folder: Path) -> Sequence[str]:
    """Load a model's folder, with its adapter if there is one, and embed with it."""
    from seqbench.models.base import EmbedOptions, SequenceFacts
    from seqbench.models.joining import embed
    from seqbench.models.registry import create

    options = EmbedOptions()
    about: dict[str, Any] = {"name": "m", "path": str(folder / "model"), "dtype": "float32"}
    if (folder / "adapter").exists():
        about["adapter"] = folder / "adapter"
    source = create("huggingface", about, options)
    facts = SequenceFacts(name="d", alphabet="dna", min_length=4, max_length=4)
    embed(source.load().embedder(facts), ["ACGT"], [0, 1])
    return ()


DATA = ("data",)
RUN = ("data", "my.yaml", "embeddings.zarr", "catalog.duckdb")
GENOMIC = ("raw/genome.fa",)
SUBJECTS = {
    "data set": Subject(
        files=("data/d/*.jsonl",),
        read=_check_dataset,
        form="jsonl",
        needs=DATA,
        names=("planted.json", "d: ", "test.jsonl"),  # whose classes train lacks
    ),
    "planted claim": Subject(
        files=("data/d/planted.json",),
        read=_check_dataset,
        form="json",
        needs=DATA,
        names=("d: ",),  # the data set is small, which its check tells
    ),
    "datasets_info": Subject(
        files=("info.yaml",),
        read=_check_dataset,
        form="yaml",
        needs=DATA,
        names=("d: ", "planted.json", "/data/d"),
    ),
    "config": Subject(files=("my.yaml",), read=_load("my.yaml"), form="yaml", needs=DATA),
    "flat config": Subject(files=("flat.yaml",), read=_load("flat.yaml"), form="yaml", needs=("data", "pt")),
    "plan": Subject(files=("my.yaml",), read=_plan, form="yaml", needs=DATA, names=("/data", "data set")),
    "pt": Subject(files=("pt/kmer-1/*.pt",), read=_import_store("pt"), names=("/kmer-1",)),
    "npy": Subject(files=("npy/kmer-1/*.npy",), read=_import_store("npy"), names=("/kmer-1",)),
    "npy provenance": Subject(
        files=("npy/kmer-1/d.json",),
        read=_import_store("npy"),
        form="json",
        needs=("npy",),
        names=("/kmer-1",),
    ),
    "parquet": Subject(
        files=("parquet/kmer-1/*.parquet",), read=_import_store("parquet"), names=("/kmer-1",)
    ),
    "anndata": Subject(files=("anndata/kmer-1/*.h5ad",), read=_import_store("anndata"), own_process=True),
    "store metadata": Subject(
        files=("embeddings.zarr/**/zarr.json",),
        read=_verify,
        form="json",
        names=("kmer-1", "embeddings.zarr"),
    ),
    "store chunks": Subject(files=("embeddings.zarr/**/c.*",), read=_verify, names=("kmer-1",)),
    "store metadata, extract": Subject(
        files=("embeddings.zarr/**/zarr.json",),
        read=_run("extract"),
        form="json",
        needs=RUN,
        names=("kmer-1", "embeddings.zarr"),
        writes=True,
    ),
    "store metadata, probe": Subject(
        files=("embeddings.zarr/**/zarr.json",),
        read=_run("probe"),
        form="json",
        needs=RUN,
        names=("kmer-1", "embeddings.zarr"),
        writes=True,
    ),
    "store chunks, run": Subject(
        files=("embeddings.zarr/**/c.*",),
        read=_run("run"),
        needs=("data", "my.yaml", "embeddings.zarr"),
        names=("kmer-1", "embeddings.zarr"),
        writes=True,
    ),
    "catalog": Subject(
        files=("catalog.duckdb",), read=_catalog, own_process=True, names=("predictions", "probes")
    ),
    "catalog log": Subject(
        files=("logged/catalog.duckdb.wal",),
        read=_logged,
        own_process=True,
        writes=True,
        names=("catalog.duckdb", "predictions", "probes"),
    ),
    "catalog manifest": Subject(
        files=("export/manifest.json",),
        read=_catalog_import,
        form="json",
        needs=("export",),
        names=("/export",),
    ),
    "catalog tables": Subject(
        files=("export/*.parquet",),
        read=_catalog_import_unhashed,
        needs=("export",),
        own_process=True,
        writes=True,
    ),
    "status": Subject(files=(".catalog.duckdb.running.json",), read=_status, form="json"),
    "head": Subject(
        files=("raw/head.safetensors",), read=_predict("raw/new.jsonl"), needs=("raw/new.jsonl",)
    ),
    "head record": Subject(
        files=("raw/head.safetensors",), read=_predict("raw/new.jsonl"), form="head", needs=("raw/new.jsonl",)
    ),
    "predict jsonl": Subject(
        files=("raw/new.jsonl",),
        read=_predict("raw/new.jsonl"),
        form="jsonl",
        needs=("raw/head.safetensors",),
    ),
    "predict fasta": Subject(
        files=("raw/new.fa",), read=_predict("raw/new.fa"), form="text", needs=("raw/head.safetensors",)
    ),
    "predict npy": Subject(
        files=("npy/kmer-1/d-0layer_test.npy",),
        read=_predict("npy/kmer-1/d-0layer_test.npy"),
        needs=("raw/head.safetensors",),
    ),
    "predict pt": Subject(
        files=("pt/kmer-1/d-0layer_test.pt",),
        read=_predict("pt/kmer-1/d-0layer_test.pt"),
        needs=("raw/head.safetensors",),
    ),
    "predict parquet": Subject(
        files=("parquet/kmer-1/d-0layer_test.parquet",),
        read=_predict("parquet/kmer-1/d-0layer_test.parquet"),
        needs=("raw/head.safetensors",),
    ),
    "fasta": Subject(files=("raw/x.fa",), read=_imported("fasta", "fa"), form="text"),
    "table": Subject(files=("raw/x.csv",), read=_imported("table", "csv"), form="text"),
    "parquet table": Subject(files=("raw/x.parquet",), read=_imported("table", "parquet"), own_process=True),
    "bed": Subject(
        files=("raw/x.bed",), read=_imported("bed", "bed"), form="text", needs=GENOMIC, names=("genome.fa",)
    ),
    "vcf": Subject(
        files=("raw/x.vcf",), read=_imported("vcf", "vcf"), form="text", needs=GENOMIC, names=("genome.fa",)
    ),
    "genome": Subject(
        files=("raw/genome.fa",),
        read=_imported("bed", "bed"),
        form="text",
        needs=("raw/x.bed",),
        names=("x.bed",),
    ),
    "model json": Subject(
        files=("model/*.json",), read=_model, form="json", needs=("model",), names=("model 'm'",)
    ),
    "model weights": Subject(
        files=("model/*.safetensors",), read=_model, needs=("model",), names=("model 'm'",)
    ),
    "adapter config": Subject(
        files=("adapter/*.json",), read=_model, form="json", needs=("adapter", "model"), names=("model 'm'",)
    ),
    "adapter weights": Subject(
        files=("adapter/*.safetensors",), read=_model, needs=("adapter", "model"), names=("model 'm'",)
    ),
}


def copy_of(world: Path, subject: Subject, folder: Path) -> list[str]:
    """Copy what a subject wants, and give the names of the files that may be damaged."""
    names = sorted(
        str(path.relative_to(world))
        for pattern in subject.files
        for path in world.glob(pattern)
        if path.is_file()
    )
    folders = [name if name.startswith("raw/") else name.split("/")[0] for name in names]
    for name in dict.fromkeys([*folders, *subject.needs]):
        source, target = world / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        else:
            shutil.copy(source, target)
    return names
