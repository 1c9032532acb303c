from pathlib import Path

import pytest
import yaml

from seqbench.core.types import Task
from seqbench.datasets.registry import resolve, shipped
from seqbench.errors import ConfigError, DataError

ENTRY = """\
H3:
  seq_for_item: 2
  seq_key: [ref, alt]
  label_key: y
  eval_task: labels
  data_split: ['train', 'test', 'eval']
  dataset_ratio: [0.8, 0.15, 0.05]
  classifer_type: RF
  sample_num: 10
  min_length: 3
  max_length: 30
  label_train_counter: [(0, 5), (1, 3)]
  label_test_counter:
    - (0, 1)
    - (-1, 1)
long_sequence_dataset: [H3]
super_long_sequence_dataset: []
"""


@pytest.fixture
def root(tmp_path):
    for name in ("H3", "mine", "other"):
        (tmp_path / "data" / name).mkdir(parents=True)
        (tmp_path / "data" / name / "train.jsonl").touch()
    (tmp_path / "data" / "genomes").mkdir()
    return tmp_path / "data"


@pytest.fixture
def info(tmp_path):
    def write(text):
        (tmp_path / "info.yaml").write_text(text)
        return tmp_path / "info.yaml"

    return write


def one(root, info, name="H3"):
    return resolve(root, info, [name]).specs[0]


def test_the_registry_holds_the_documented_facts_of_23_data_sets(shared_data):
    groups = yaml.safe_load((shared_data.parent / "reference" / "datasets.yaml").read_text())["groups"]
    documented = {name: (group, facts) for group, sets in groups.items() for name, facts in sets.items()}
    assert set(shipped()) == set(documented)
    assert len(documented) == 23
    for name, (group, facts) in documented.items():
        ours, length = shipped()[name], [int(part) for part in facts["length"].split("-")]
        assert (ours.group, ours.task, ours.items) == (group, facts["task"], facts["items"])
        assert ours.length == (length[0], length[-1])
        assert (ours.classes, ours.targets) == (facts.get("classes"), facts.get("targets"))
        assert set(ours.splits) == set(facts["splits"])
        assert ours.item_seqs == facts.get("item_seqs", 1)
        assert ours.head == ({"XGB": "xgb"}[facts["head"]] if "head" in facts else None)


def test_label_counts_in_the_registry_add_up_to_its_items():
    known = shipped()["Human_classify_1048576"]
    assert sum(sum(counts.values()) for counts in known.label_counts.values()) == known.items


def test_without_names_every_folder_with_a_train_file_is_taken(root):
    (root / "not usable").mkdir()
    (root / "not usable" / "train.jsonl").touch()
    resolved = resolve(root, None, None)
    assert [spec.name for spec in resolved.specs] == ["H3", "mine", "other"]
    assert [spec.source for spec in resolved.specs] == ["registry", "inferred", "inferred"]
    assert "'not usable' can't be used" in resolved.warnings[0]


def test_names_keep_their_order_and_count_once(root):
    assert [s.name for s in resolve(root, None, ["other", "H3", "other"]).specs] == ["other", "H3"]


def test_the_registry_fills_what_no_entry_says(root, info):
    spec = one(root, info("H3: {label_key: y}"))
    assert (spec.task, spec.label_key, spec.group) == (Task.CLASSIFICATION, "y", "nucleotide_transformer")
    assert (spec.source, spec.expected["items"], spec.expected["max_length"]) == ("info", 14965, 500)


def test_an_entry_goes_before_the_registry(root, info):
    resolved = resolve(root, info(ENTRY), ["H3"])
    (spec,) = resolved.specs
    assert (spec.task, spec.seq_keys, spec.head) == (Task.LABELS, ("ref", "alt"), "forest")
    assert spec.splits == ("train", "eval", "test")
    assert spec.expected["ratio"] == {"train": 0.8, "test": 0.15, "eval": 0.05}
    assert spec.expected["label_counts"] == {"train": {0: 5, 1: 3}, "test": {0: 1, -1: 1}}
    assert (spec.expected["items"], spec.expected["min_length"]) == (10, 3)
    assert resolved.warnings == ()


@pytest.mark.parametrize(
    ("entry", "keys"),
    [
        ("{seq_for_item: 1}", ("seq",)),
        ("{seq_for_item: 2}", ("seq1", "seq2")),
        ("{seq_key: dna}", ("dna",)),
        ("{seq_for_item: 1, seq_key: [dna]}", ("dna",)),
        ("{eval_task: labels}", None),
    ],
)
def test_sequence_keys_follow_from_count_and_key(root, info, entry, keys):
    assert one(root, info(f"mine: {entry}"), "mine").seq_keys == keys


@pytest.mark.parametrize("key", ["classifer_type", "classifier_type"])
def test_both_spellings_of_the_head_are_read(root, info, key):
    assert one(root, info(f"H3: {{{key}: XGB}}")).head == "xgb"


def test_an_entry_says_of_what_alphabet_sequences_are(root, info):
    assert one(root, info("H3: {alphabet: text}")).alphabet == "text"
    with pytest.raises(ConfigError, match=r"H3\.alphabet must be one of dna, rna, protein, text, got 'DNA2'"):
        one(root, info("H3: {alphabet: DNA2}"))


def test_unknown_keys_are_warnings_with_a_hint(root, info):
    path = info("H3:\n  eval_tsk: labels\n  label_test_counter: [many]\nnote: text\n")
    assert resolve(root, path, ["H3"]).warnings == (
        f"{path}:2: H3.eval_tsk is an unknown key and ignored; did you mean eval_task?",
        f"{path}:3: H3.label_test_counter is ignored: it is no list of (label, count) pairs",
        f"{path}:4: note is ignored: it is no entry (a mapping of keys such as eval_task)",
    )


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{eval_task: classify}", "H3.eval_task must be one of classification, labels, regression"),
        ("{seq_for_item: two}", "H3.seq_for_item must be a whole number from 1, got 'two'"),
        ("{seq_for_item: true}", "H3.seq_for_item must be"),
        ("{seq_for_item: 2, seq_key: seq}", "H3.seq_key must be a list of 2 keys, as seq_for_item says"),
        ("{seq_key: [a, a]}", "H3.seq_key must be a list of different keys"),
        ("{seq_key: {a: 1}}", "H3.seq_key must be a key or a list of keys"),
        ("{data_split: [train, valid]}", "H3.data_split must be a list of different splits"),
        ("{data_split: [train, test], dataset_ratio: [1.0]}", "H3.dataset_ratio must be a list of 2 shares"),
        ("{classifer_type: SVM}", "H3.classifer_type must be MLP, XGB or RF"),
        ("{classifer_type: RF, classifier_type: XGB}", "H3.classifier_type and classifer_type differ"),
    ],
)
def test_a_wrong_value_is_named_by_file_line_entry_and_key(root, info, entry, message):
    path = info(f"# entries\nH3: {entry}")
    with pytest.raises(ConfigError) as caught:
        resolve(root, path, ["H3"])
    assert str(caught.value).startswith(f"{path}:2: {message}")


def test_an_info_file_that_is_no_mapping_is_an_error(root, info):
    with pytest.raises(ConfigError, match="must map data-set names to entries, got a list"):
        resolve(root, info("- H3"), ["H3"])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mien", r"mien: there is no such data set; did you mean mine\?"),
        ("zzz", "zzz: there is no such data set; there are: H3, mine, other"),
        ("CPC_1024", r"a known data set: its train\.jsonl"),
    ],
)
def test_a_data_set_that_is_not_there_is_an_error_with_a_way_out(root, name, message):
    with pytest.raises(DataError, match=message):
        resolve(root, None, [name])


@pytest.mark.parametrize("name", ["../data/H3", "a/b", "..", ".hidden", "", "/etc"])
def test_no_name_leads_out_of_the_root(root, name):
    with pytest.raises(ConfigError, match="data set name"):
        resolve(root, None, [name])


def test_a_linked_data_set_is_fine(root, tmp_path):
    (root / "linked").symlink_to(root / "mine")
    assert one(root, None, "linked").folder == root / "linked"


def test_without_files_names_are_enough(tmp_path):
    specs = resolve(None, None, ["H3", "theirs"], need_files=False).specs
    assert [(spec.name, spec.task) for spec in specs] == [("H3", Task.CLASSIFICATION), ("theirs", None)]


@pytest.mark.parametrize(
    ("root", "names", "message"),
    [
        (Path("nowhere"), None, "nowhere: there is no such folder"),
        (None, None, "datasets.root is not set"),
        (None, ["H3"], "datasets.root is not set"),
        (Path(), [], "no data set is named"),
    ],
)
def test_having_no_data_set_is_an_error(root, names, message):
    with pytest.raises(DataError, match=message):
        resolve(root, None, names)


def test_a_root_without_data_sets_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"no folder here has a train\.jsonl"):
        resolve(tmp_path, None, None)


DOCUMENTED = """\
  mine:
    seq_for_item: 1
    seq_key: seq
    label_key: label
    eval_task: classification
    data_split: ['train', 'test', 'eval']
    dataset_ratio:  [0.7, 0.1, 0.2]
    classifer_type: "XGB"
    sample_num:  28802
    min_length:  1048576
    max_length:  1048576
    dataset_ratio:  [0.79, 0.09, 0.12]
    label_train_counter:  [(0, 4507), (1, 10582), (2, 7837)]
    label_test_counter:  [(0, 392), (1, 1174), (2, 979)]
    label_eval_counter:  [(0, 784), (1, 1568), (2, 979)]
"""
"""An entry as the reference's documentation writes it: indented, one key twice, tuples."""


def test_the_documented_entry_is_read_and_of_a_key_that_stands_there_twice_the_last_value(root, info):
    path = info(DOCUMENTED)
    resolved = resolve(None, path, ["mine"], need_files=False)
    (spec,) = resolved.specs
    assert spec.expected["ratio"] == {"train": 0.79, "test": 0.09, "eval": 0.12}
    assert spec.expected["label_counts"]["train"] == {0: 4507, 1: 10582, 2: 7837}
    assert (spec.head, spec.splits) == ("xgb", ("train", "eval", "test"))
    assert resolved.warnings == (
        f"{path}: duplicate keys, of which the last value counts: mine.dataset_ratio (lines 7, 12)",
    )


def test_a_data_set_that_is_described_twice_is_the_last_one(info):
    path = info("mine: {eval_task: regression, seq_key: a}\nmine: {eval_task: label}\n")
    resolved = resolve(None, path, ["mine"], need_files=False)
    assert (resolved.specs[0].task, resolved.specs[0].seq_keys) == (Task.LABELS, None)
    assert "mine (lines 1, 2)" in resolved.warnings[0]


@pytest.mark.parametrize("word", ["label", "labels"])
def test_both_words_for_a_multi_label_task_are_read(info, word):
    path = info(f"mine: {{eval_task: {word}}}")
    assert resolve(None, path, ["mine"], need_files=False).specs[0].task is Task.LABELS


TARGETS = "mine:\n  targets:\n    fold: {key: fold_id, classes: [a, b]}\n    heat: {eval_task: regression}\n"


def test_targets_are_data_sets_of_their_own_with_a_key_task_and_names(root, tmp_path):
    (tmp_path / "info.yaml").write_text(TARGETS)
    (spec,) = resolve(root, tmp_path / "info.yaml", ["mine"]).specs
    fold, heat = spec.views
    assert (fold.name, fold.label_key, fold.class_names) == ("mine/fold", "fold_id", ("a", "b"))
    assert (heat.name, heat.label_key, heat.task, heat.folder) == (
        "mine/heat",
        "heat",
        Task.REGRESSION,
        spec.folder,
    )


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ("{a/b: {}}", "target name 'a/b' can't be used"),
        ("{a: 3}", "mine.targets.a must map key, eval_task, classes and weight, got 3"),
        ("[a]", "mine.targets must be a mapping of names"),
        ("{a: {eval_task: no}}", "mine.targets.a.eval_task must be one of"),
        ("{a: {}}\n  label_key: b", "mine.label_key goes with one label"),
    ],
)
def test_a_fault_in_targets_is_named_by_line_entry_and_key(root, tmp_path, targets, message):
    (tmp_path / "info.yaml").write_text(f"mine:\n  targets: {targets}\n")
    with pytest.raises(ConfigError, match=message):
        resolve(root, tmp_path / "info.yaml", ["mine"])


def test_a_weight_is_that_of_the_targets_loss(root, tmp_path):
    (tmp_path / "info.yaml").write_text("mine:\n  targets: {a: {weight: 0.5}, b: {weight: 2}, c: {}}\n")
    (spec,) = resolve(root, tmp_path / "info.yaml", ["mine"]).specs
    assert [target.weight for target in spec.targets] == [0.5, 2.0, 1.0]
