"""Labels of letters in an import: one entry a letter, what they are and how they are written."""

import json
from typing import Final

from seqbench.core.types import SplitName, Task
from seqbench.datasets.importing.labels import MAX_CLASSES, MISSING, Labelling, LabelRule, Survey
from seqbench.datasets.importing.record import Place, RawLabel, shorten
from seqbench.datasets.label_text import NUMBER, WHOLE
from seqbench.datasets.letter_column import UNKNOWN_MARKS
from seqbench.errors import DataError

LetterTexts = RawLabel
"""One text a letter: a string of single characters, or a tuple where they are longer."""

_NO_LABEL: Final = MISSING | {*UNKNOWN_MARKS}


def check_length(place: Place, labels: LetterTexts, letters: int, of: Place | None = None) -> None:
    """See that each letter has an entry.

    Args:
        place: Of the labels.
        labels: One entry a letter.
        letters: Of the sequence.
        of: Where the sequence is, if elsewhere.

    Raises:
        DataError: The lengths differ.
    """
    if len(labels) != letters:
        where = "" if of is None else f" ({of})"
        raise DataError(
            f"{place}: has {len(labels):,} labels, its sequence{where} {letters:,} letters (each letter "
            "needs one; . where it is not known)"
        )


class LetterSurvey(Survey):
    """What all labels of letters have in common: which texts occur, as long as they may be classes."""

    def __init__(self, rule: LabelRule) -> None:
        super().__init__(rule, "letters")
        self.too_many = False
        """Whether there are more different texts than classes may be."""

    def add(self, split: SplitName | None, raw: RawLabel, place: Place) -> None:
        """Take in the labels of one item's letters."""
        self.by_split[split] += 1
        for text in dict.fromkeys(raw):  # in their order, so that equal imports give equal messages
            is_unknown = text in _NO_LABEL and text not in (self.rule.classes or ())
            if is_unknown or text in self.names:
                continue
            if self.rule.classes is not None and text not in self.rule.classes:
                raise DataError(
                    f"{place}: letter {raw.index(text) + 1:,} has the label {shorten(text)}, which is not "
                    f"among the classes {', '.join(self.rule.classes)}"
                )
            if not NUMBER.fullmatch(text):
                self.not_number = self.not_number or (place, text)
            self.not_whole |= not WHOLE.fullmatch(text)
            self.too_many |= len(self.names) >= MAX_CLASSES
            if not self.too_many:
                self.names.add(text)


def decide_letters(survey: LetterSurvey) -> Labelling:
    """Tell what labels of letters are and how to write them.

    Numbers with a point are values, all else classes: written as one string where each is a single character,
    else as a list.

    Raises:
        DataError: They are nothing that can be learned, or not what the user said.
    """
    task = survey.rule.task
    if task is Task.LABELS:
        raise DataError("labels of letters are one value each here, which can't be --task labels")
    numbers = survey.not_number is None and survey.not_whole
    if task is None:
        task = Task.REGRESSION if numbers and survey.rule.classes is None else Task.CLASSIFICATION
    if task is Task.REGRESSION:
        return _values(survey)
    if survey.too_many:
        raise DataError(
            f"letters have over {MAX_CLASSES:,} different labels, such as {shorten(min(survey.names))}, too "
            "many for classes (check the column of the labels)"
        )
    classes = survey.rule.classes
    names = classes or (tuple(sorted(survey.names)) if survey.not_whole else None)
    one_each = all(len(name) == 1 for name in survey.names)

    def to_json(raw: RawLabel) -> str:
        texts = [None if text in _NO_LABEL and text not in (classes or ()) else text for text in raw]
        return json.dumps("".join(text or "." for text in texts) if one_each else texts)

    return Labelling(
        task=task, names=names, to_json=to_json, stratified=False, level="token", classes=classes
    )


def _values(survey: LetterSurvey) -> Labelling:
    if survey.not_number is not None:
        place, text = survey.not_number
        raise DataError(f"{place}: label {shorten(text)} is no finite number")

    def to_json(raw: RawLabel) -> str:
        return json.dumps([None if text in _NO_LABEL else float(text) for text in raw])

    return Labelling(task=Task.REGRESSION, names=None, to_json=to_json, stratified=False, level="token")
