"""Completion of table, view and column names in the shell."""

import re

STARTS = ("FROM ", "SELECT ", "SHOW TABLES", "DESCRIBE ")
"""What a query may start with, offered where nothing has been typed."""


def complete_query(incomplete: str) -> list[str]:
    """Ways to go on with a query whose last word has been begun.

    After FROM, JOIN or DESCRIBE these are tables and views, elsewhere also the columns of those that the
    query names (of all where it names none). The names are those of this version's schema, to which every
    catalog is brought when it is read: no file is opened, so a shell never waits.

    Args:
        incomplete: What has been typed of the query.

    Returns:
        Whole queries up to the completed word, as shells replace all that was typed.
    """
    from seqbench.catalog.names import current_schema, tables_in

    found = re.search(r"(?:(from|join|describe|summarize)\s+)?(\w*)$", incomplete, flags=re.IGNORECASE)
    after, word = (found[1], found[2]) if found else (None, "")
    typed = incomplete[: len(incomplete) - len(word)]
    schema = current_schema()
    names = list(schema)
    if not incomplete:
        names = list(STARTS)
    elif not after:
        named = tables_in(typed, schema) or list(schema)
        names = list(dict.fromkeys([*(column for table in named for column in schema[table]), *schema]))
    return [typed + name for name in names if name.startswith(word)]
