"""A config for a person's own data: the data are prepared, looked at, and named in a commented file."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from seqbench.core.atomic import check_free, write_atomically
from seqbench.core.progress import Reporter
from seqbench.datasets.info_file import INFO
from seqbench.datasets.registry import resolve
from seqbench.errors import ConfigError, DataError
from seqbench.suggest.columns import Choices
from seqbench.suggest.config_text import Wanted, config_text
from seqbench.suggest.describe import Said, described, described_folder, folder_of
from seqbench.suggest.prepare import prepare

CONFIG: Final = "config.yaml"
"""The config in the folder of a suggestion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A config that was written, or that stood there already, and what was understood of the data."""

    config: Path
    said: list[Said]
    already: bool
    """Whether the config stood there and was left as it is."""


def check_model(model: str) -> None:
    """See that a model is a folder with a `config.json`, or may be a hub id.

    Raises:
        ConfigError: It is a file, or a folder without a config.
    """
    path = Path(model)
    if path.is_file():
        raise ConfigError(f"{model}: is a file; give the folder that holds it, with its config.json")
    if path.is_dir() and not (path / "config.json").is_file():
        raise ConfigError(f"{model}: holds no config.json, so it is no model's folder of transformers")
    if not path.is_dir() and (model.count("/") != 1 or model.startswith((".", "/", "~"))):
        raise ConfigError(f"{model}: there is no such model folder (and hub ids are organisation/model)")


def write_config(
    config: Path, data: Path, model: str, choices: Choices, reporter: Reporter, *, keep: bool = False
) -> Written:
    """Prepare data and write a config that names them.

    Args:
        config: The file to write; a table's or FASTA file's data set goes to `data` beside it.
        data: A table, JSONL or FASTA file, or a folder in the data layout.
        model: A folder, from here, or a hub id.
        choices: What the user said of a file.
        reporter: Shows bars.
        keep: Whether a config that is there is left as it is rather than refused.

    Raises:
        ConfigError: The config is there already, can't be written, or the model is none.
        DataError: The data are at fault, or what they hold is not clear.
    """
    if not keep:
        check_free(config, "choose another name, or remove it", fault=ConfigError)
    check_model(model)
    if not data.exists():
        raise DataError(f"{data}: there is no such file or folder")
    look = _of_folder if data.is_dir() else _of_file
    wanted, said = look(config, data, model, choices, reporter)
    if config.exists():
        return Written(config=config, said=said(), already=True)
    try:
        write_atomically(config, config_text(wanted))
    except OSError as error:
        raise ConfigError(f"{config}: can't be written: {error.strerror} (choose another place)") from error
    return Written(config=config, said=said(), already=False)


def _of_file(
    config: Path, data: Path, model: str, choices: Choices, reporter: Reporter
) -> tuple[Wanted, Callable[[], list[Said]]]:
    made = prepare(data, config.parent, choices, reporter)
    wanted = Wanted(
        file=config,
        about=f"Which layer of a model knows what is in {data.name}",
        model=model,
        root=made.root,
        names=[made.name],
        info=made.root / INFO if (made.root / INFO).is_file() else None,
    )
    return wanted, lambda: described(made, reporter)


def _of_folder(
    config: Path, data: Path, model: str, choices: Choices, reporter: Reporter
) -> tuple[Wanted, Callable[[], list[Said]]]:
    if choices != Choices():
        raise ConfigError(f"{data}: --sequence, --label and the like go with a file, and this is a folder")
    root, names = folder_of(data)
    info = root / INFO if (root / INFO).is_file() else None
    resolved = resolve(root, info, names)
    wanted = Wanted(
        file=config,
        about=f"Which layer of a model knows what is in {data.name}",
        model=model,
        root=root,
        names=names,
        info=info,
    )
    return wanted, lambda: described_folder(resolved, reporter)
