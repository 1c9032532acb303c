"""What a preflight found: named checks, each with its verdict, and the certificate that keeps them."""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

FORMAT: Final = 1
"""Version of what `Certificate.attrs` gives."""


class Verdict(StrEnum):
    """What a check comes to, from good to bad."""

    PASS = "pass"
    WARN = "warn"
    """Embeddings are right, but slower, shorter or less exact than they could be."""
    FAIL = "fail"
    """Embeddings would not be what they are taken for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One question, what was measured, and what follows."""

    name: str
    verdict: Verdict
    measured: str
    """The finding in a few words, for a table."""
    says: str
    """One plain sentence."""
    advice: str = ""
    """What to do about it; empty where there is nothing to do."""
    value: float | None = None
    """The measured number, where it is one; None too where it is not finite."""
    tolerance: float | None = None
    """The largest value that passes, where the check has one."""
    dataset: str | None = None
    """The data set that the check is about; None where it is about the model alone."""

    def attrs(self) -> dict[str, Any]:
        """As JSON: every field, NaN and infinity as null."""
        finite = self.value is not None and math.isfinite(self.value)
        return {
            "name": self.name,
            "dataset": self.dataset,
            "verdict": self.verdict.value,
            "measured": self.measured,
            "value": self.value if finite else None,
            "tolerance": self.tolerance,
            "says": self.says,
            "advice": self.advice,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """All checks of one model, on one device and in one dtype."""

    model: str
    fingerprint: str
    """Of the weights and tokenizer that were checked."""
    dtype: str
    device: str | None
    """Where it ran; None where the tokenizer can read nothing, so that nothing ran."""
    method: str | None
    """How layers are taken: hooks or output_hidden_states; None where nothing ran."""
    checks: tuple[Check, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of any check."""
        return max((check.verdict for check in self.checks), key=list(Verdict).index, default=Verdict.PASS)

    def having(self, verdict: Verdict) -> tuple[Check, ...]:
        """The checks of one verdict, in order."""
        return tuple(check for check in self.checks if check.verdict is verdict)

    def attrs(self) -> dict[str, Any]:
        """As JSON, for the store's notes and for `--json`."""
        return {
            "format": FORMAT,
            "verdict": self.verdict.value,
            "model": self.model,
            "fingerprint": self.fingerprint,
            "dtype": self.dtype,
            "device": self.device,
            "layers_by": self.method,
            "checks": [check.attrs() for check in self.checks],
        }
