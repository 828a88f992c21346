"""How results look in a terminal: values in, rich tables out, nothing computed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from virality.reports.words import count_words

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console as RichConsole

    from virality.data.ingest import Ingest
    from virality.data.validate import Validation
    from virality.featurizers.extract import Extraction
    from virality.featurizers.listing import ListedColumn
    from virality.modeling.evaluate import Evaluation
    from virality.modeling.train import ModelCard
    from virality.modeling.tune import Tuning
    from virality.workflow.config import Setting
    from virality.workflow.describe import Described
    from virality.workflow.doctor import Health
    from virality.workflow.predict import Forecast
    from virality.workflow.run import Run


def plain(value: Any) -> Any:
    """Return a value as dictionaries, lists, strings and numbers."""
    if hasattr(value, "as_json"):
        return value.as_json()
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def plain_status(table: "pd.DataFrame") -> dict[str, Any]:
    """Return the status table's counts and its rows."""
    rows = [{key: plain(item) for key, item in row.items()} for row in table.to_dict("records")]
    return {
        "statuses": _tally(table["status"]),
        "reasons": _tally(table["reason"]),
        "rows": [{key: row[key] for key in ("id", "status", "reason", "seconds")} for row in rows],
    }


def show_settings(settings: Iterable["Setting"]) -> None:
    """Print every option with its value and source."""
    _print_table(
        ("command", "option", "value", "from", "variable"),
        [(one.command, one.option, one.value, one.source, one.variable) for one in settings],
    )


def show_health(health: "Health") -> None:
    """Print what the doctor found."""
    marks = {True: "ok", False: "MEND"}
    _print_table(
        ("check", "found", "", "what to do"),
        [
            (one.name, one.value, marks[one.ok], "" if one.ok else one.fix)
            for one in health.checks
        ],
    )
    limits = ", ".join(f"{key} {value:g}" for key, value in health.limits.items())
    _say(f"Limits of decoding: {limits}")
    for note in health.notes:
        _say(note)


def show_forecast(forecast: "Forecast") -> None:
    """Print one prediction with its reasons."""
    unit = forecast.target
    low, middle, high = (
        count_words(value) for value in (forecast.low, forecast.prediction, forecast.high)
    )
    _say(f"[bold]{_escape(forecast.id)}[/bold]")
    _say(f"  {middle} {unit}; four times in five between {low} and {high}")
    _say(
        f"  better than {forecast.percentile:.0f} of 100 training posts; "
        f"chance of a hit {forecast.hit_probability:.0%}"
    )
    for mark, reasons in (("+", forecast.reasons_up), ("-", forecast.reasons_down)):
        for reason in reasons:
            _say(f"  {mark} {_escape(str(reason['sentence']))}")


def show_described(described: "Described") -> None:
    """Print where the report is and what it says first."""
    for sentence in described.verdict:
        _say(sentence)
    _say(f"Strongest drivers: {', '.join(described.drivers)}")
    _say(f"Report: {described.report}")


def show_columns(rows: Iterable["ListedColumn"]) -> None:
    """Print the columns of every featurizer."""
    _print_table(
        ("featurizer", "column", "unit", "known", "meaning"),
        [(one.featurizer, one.column, one.unit, one.known, one.meaning) for one in rows],
    )


def show_status(table: "pd.DataFrame") -> None:
    """Print a row a post and the counts."""
    rows = [
        (str(row.id), str(row.status), str(row.reason), f"{row.seconds:.2f}")
        for row in table.itertuples()
    ]
    _print_table(("post", "status", "reason", "seconds"), rows)
    for status, count in _tally(table["status"]).items():
        _say(f"{count} {status}")


def _tally(column: "pd.Series[Any]") -> dict[str, int]:
    counts = column.fillna("").value_counts()
    return {str(key): int(count) for key, count in counts.items() if key}


def _console() -> "RichConsole":
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True)


def _say(text: str) -> None:
    _console().print(text)


def _escape(text: str) -> str:
    from rich.markup import escape

    # Control characters of a caption or an id must not reach the terminal.
    return escape("".join(char if char.isprintable() else " " for char in text))


def _print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*header, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(_escape(cell) for cell in row))
    Console(highlight=False).print(table)
