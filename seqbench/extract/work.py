"""What an extraction did, in numbers: apart from `blocks.py`, as plans count it and do nothing."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What was computed: what a rate is made of, and what a user should know of it."""

    items: int = 0
    tokens: int = 0
    seconds: float = 0.0
    truncated: int = 0
    """Sequences of which the model saw only a part."""
    skipped: tuple[str, ...] = ()
    """Sequences that were left out, each with its file, its line and why."""

    def __add__(self, other: "Work") -> "Work":
        return Work(
            items=self.items + other.items,
            tokens=self.tokens + other.tokens,
            seconds=self.seconds + other.seconds,
            truncated=self.truncated + other.truncated,
            skipped=self.skipped + other.skipped,
        )
