"""Write a benchmark's result as a Markdown table under a header that says how it was made."""

import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
LIBRARIES = ("virality", "numpy", "pandas", "pyarrow", "scikit-learn", "lightgbm", "onnxruntime")
"""Libraries whose versions stand in every header."""


def write_table(
    name: str,
    title: str,
    header: Sequence[str],
    rows: Sequence[Sequence[object]],
    notes: Sequence[str],
    *,
    seed: int = 0,
    libraries: Sequence[str] = LIBRARIES,
    folder: Path = RESULTS,
) -> Path:
    """Write `<folder>/<name>.md` and return its path.

    Args:
        name: of the file, without suffix.
        title: first line.
        header: column names.
        rows: cells; floats are shown with four significant digits.
        notes: plain sentences under the table.
        seed: of whatever chance played a part.
        libraries: whose versions to state.
        folder: where to.
    """
    facts = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "Python": platform.python_version(),
        "seed": str(seed),
        "versions": ", ".join(f"{library} {version(library)}" for library in libraries),
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.md"
    path.write_text(_page(title, facts, header, rows, notes), encoding="utf-8")
    return path


def _page(
    title: str,
    facts: Mapping[str, str],
    header: Sequence[str],
    rows: Sequence[Sequence[object]],
    notes: Sequence[str],
) -> str:
    lines = [f"# {title}", "", *(f"- {key}: {value}" for key, value in facts.items()), ""]
    lines += [_row(header), _row(["---"] * len(header)), *map(_row, rows)]
    if notes:
        lines += ["", *(f"- {note}" for note in notes)]
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[object]) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(value: object) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")
