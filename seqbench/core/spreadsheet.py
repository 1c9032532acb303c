"""Text in tables that other programs show: a cell is no formula, no markup and no link."""

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for the start of a formula (OWASP, CSV injection); some read wide signs too."""


def escape_formula(text: str) -> str:
    """The text, behind an apostrophe where a spreadsheet would run it."""
    return f"'{text}" if text.startswith(FORMULA) else text


def markdown_text(text: str) -> str:
    """The text as a cell of a Markdown table: on one line, no end of the cell, no tag and no link."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;").replace("](", "]\\(")
