"""Numbers and lists of names as sentences and terminal tables write them."""

from collections.abc import Sequence

MISSING = "–"
"""What stands where there is no number."""

DIGITS = 3
MOST_NAMED = 4


def number(value: float | None) -> str:
    """A score with three decimals."""
    return MISSING if value is None else f"{value:.{DIGITS}f}"


def signed(value: float | None) -> str:
    """A difference with its sign; of zero, or what is written as zero, there is none."""
    if value is None:
        return MISSING
    text = f"{value:+.{DIGITS}f}"
    return text[1:] if not text.strip("+-0.") else text.replace("-", "\N{MINUS SIGN}")


def listed(names: Sequence[str], most: int = MOST_NAMED) -> str:
    """Names with commas and an and, of many the first few and how many more there are."""
    named = list(names[:most])
    if len(names) > most:
        named.append(f"{len(names) - most} more")
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"


def counted(count: int, singular: str, plural: str | None = None) -> str:
    """A number with its noun: '1 probe', '2 probes'."""
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"
