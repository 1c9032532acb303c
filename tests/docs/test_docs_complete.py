"""Every command, option, key and file is documented, and what the pages name is there."""

import re
import subprocess
import sys
from typing import get_args

import pytest
from pydantic import BaseModel
from typer.main import get_command

from seqbench.cli.main import app
from seqbench.config import METRIC_NAMES, Config
from seqbench.config.flat_keys import FLAT_KEYS
from seqbench.config.model_kinds import MODEL_KINDS
from seqbench.datasets.info import _ENTRY_KEYS, NAME_LISTS
from seqbench.metrics import METRICS
from tests.docs.pages import DOCS, PAGES, ROOT, blocks, read

GENERATED = {
    "config.md": "config_reference.py",
    "commands.md": "command_reference.py",
    "api.md": "api_reference.py",
}
SECTIONS = ("datasets", "extract", "store", "probe", "report", "wandb", "tensorboard")


def commands(group: object = None, before: str = "") -> dict[str, object]:
    """Every command by its words, such as `datasets check`."""
    found: dict[str, object] = {}
    for name, command in (group or get_command(app)).commands.items():  # type: ignore[attr-defined]
        words = before if name == "CONFIG" else f"{before} {name}".strip()
        found |= commands(command, words) if hasattr(command, "commands") else {words: command}
    return found


def config_keys(model: type[BaseModel] = Config, prefix: str = "", *, may_be_null: bool = False) -> set[str]:
    """Every key of a config with dots, sections included; those that may be null if asked for."""
    found = set()
    for name, field in model.model_fields.items():
        found.add(prefix + name)
        kinds = (field.annotation, *(get_args(field.annotation) if may_be_null else ()))
        for kind in kinds:
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                found |= config_keys(kind, f"{prefix}{name}.", may_be_null=may_be_null)
    return found


@pytest.mark.parametrize("page", GENERATED)
def test_pages_made_from_the_code_are_current(page: str) -> None:
    script = ROOT / "scripts" / GENERATED[page]
    made = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    assert made.stdout == read(DOCS / page), "run `make docs`"


@pytest.mark.parametrize("name", commands())
def test_a_command_is_documented_with_all_its_options(name: str) -> None:
    section = re.search(
        rf"^## seqbench {name}\n(.*?)(?=^## |\Z)", read(DOCS / "commands.md"), re.DOTALL | re.M
    )
    assert section is not None
    command = commands()[name]
    assert command.help  # type: ignore[attr-defined]
    for each in command.params:  # type: ignore[attr-defined]
        assert each.help, each.name
        assert all(option in section[1] for option in each.opts if option.startswith("-")), each.name


def test_every_command_is_used_or_explained_outside_the_reference() -> None:
    guides = "\n".join(read(page) for page in PAGES if page.name not in GENERATED)
    assert [name for name in commands() if f"seqbench {name}" not in guides] == []


def test_every_key_of_a_config_is_documented() -> None:
    text = read(DOCS / "config.md")
    sections = {key for key in config_keys() if any(each.startswith(f"{key}.") for each in config_keys())}
    missing = [key for key in config_keys() - sections if f"| `{key}` |" not in text and key != "models"]
    assert missing == []
    for kind, model in MODEL_KINDS.items():
        part = text[text.index(f"### {kind}\n") :].partition("\n#")[0]
        assert all(f"| `{name}` |" in part for name in model.model_fields), kind


def test_keys_of_a_config_that_pages_name_exist() -> None:
    named = re.compile(rf"`((?:{'|'.join(SECTIONS)})\.[a-z_]+(?:\.[a-z_]+)*)(?:: [^`]*)?`")
    wrong = [
        (page.name, key)
        for page in PAGES
        for key in named.findall(read(page))
        if key not in config_keys(may_be_null=True)
    ]
    assert wrong == []


def test_commands_that_pages_name_exist() -> None:
    known = {" ".join(name.split()[:most]) for name in commands() for most in (1, 2, 3)}
    for page in PAGES:
        for words in re.findall(r"`seqbench ([a-z][a-z-]*(?: [a-z][a-z-]*)?)", read(page)):
            assert words in known or words.split()[0] in commands(), f"{page.name}: {words}"


def test_options_that_pages_name_exist() -> None:
    known = {option for each in commands().values() for param in each.params for option in param.opts}  # type: ignore[attr-defined]
    text = "\n".join(
        block.text for page in PAGES for block in blocks(page) if block.language in ("bash", "console")
    )
    lines = re.findall(r"seqbench .*", text.replace("\\\n", " "))
    used = {
        option for line in lines for option in re.findall(r"(?<=\s)--[a-z][a-z-]*", line.partition(" #")[0])
    }
    assert used - known - {"--help", "--version"} == set()


def test_every_key_and_file_of_the_reference_system_is_mapped() -> None:
    text = read(DOCS / "reference.md")
    assert [key for key in (*FLAT_KEYS, *_ENTRY_KEYS, *NAME_LISTS) if f"`{key}`" not in text] == []
    files = ("best_accuracy.tsv", "best_roc_auc-accuracy.tsv", "last_layer.tsv", "layer_<split>.pt")
    assert all(name in text for name in files)


def test_config_and_metrics_know_the_same_metrics() -> None:
    assert set(METRIC_NAMES) == {name for names in METRICS.values() for name in names}
