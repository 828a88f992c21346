"""The schema of a post as a table for people."""

from collections.abc import Sequence

from virality.data.post import FIELDS, Field


def schema_table(fields: Sequence[Field] = FIELDS) -> str:
    """Return the schema as a Markdown table; `docs/data.md` holds it and a test compares them."""
    rows = [
        f"| `{field.name}` | {field.kind} | {field.unit} | {field.known} | {field.meaning} |"
        for field in fields
    ]
    return "\n".join(["| field | kind | unit | known | meaning |", "|---|---|---|---|---|", *rows])
