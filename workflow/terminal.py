"""How results look in a terminal: values in, rich tables out, nothing computed."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from virality.data.words import counted
from virality.modeling.targets import find_target
from virality.reports.words import amount, chance_words, percent, place_words, significant, spread

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console as RichConsole

    from virality.data.ingest import Ingest
    from virality.data.validate import Validation
    from virality.featurizers.extract import Extraction
    from virality.featurizers.listing import ListedColumn, ListedExtra
    from virality.modeling.card import ModelCard
    from virality.modeling.evaluate import Evaluation
    from virality.modeling.metrics import Metric
    from virality.modeling.tune import Tuning
    from virality.workflow.config import Setting
    from virality.workflow.describe import Described, Paired
    from virality.workflow.doctor import Health
    from virality.workflow.plan import Run
    from virality.workflow.predict import Forecast

NAMES = 2
"""Leading columns of every table that hold names."""

PIPED_WIDTH = 160
"""Characters a line where there is no terminal to ask."""


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
    """Return the status table's counts, the featurizers' versions and the rows."""
    rows = table.drop(columns="versions").to_dict("records")
    return {
        "statuses": _tally(table["status"]),
        "reasons": _tally(table["reason"]),
        "versions": _versions(table),
        "rows": [{str(key): plain(item) for key, item in row.items()} for row in rows],
    }


def _versions(table: "pd.DataFrame") -> dict[str, str]:
    """Return the featurizers' versions, which are the same for every post of an extraction."""
    return dict(json.loads(table["versions"].iloc[0]))


def show_settings(settings: Iterable["Setting"]) -> None:
    """Print every option with its value and source."""
    print_table(
        ("command", "option", "value", "from", "variable"),
        [(one.command, one.option, one.value, one.source, one.variable) for one in settings],
    )


def show_health(health: "Health") -> None:
    """Print what the doctor found, and below it what to do."""
    marks = {True: "ok", False: "MEND"}
    rows = [(marks[one.ok], one.name, one.value) for one in health.checks]
    print_table(("", "check", "found"), rows, whole=1)  # folders in names are long
    for one in health.checks:
        if not one.ok:
            say_line(f"[bold]{marks[one.ok]}[/bold] {escaped(f'{one.name}: {one.fix}')}")
    limits = ", ".join(f"{key} {value:,.10g}" for key, value in health.limits.items())
    say_line(f"Limits of decoding: {limits}")
    for note in health.notes:
        say_line(note)


CLIP = {
    "failed": "the clip could not be read and counts for nothing here",
    "partial": "only a part of the clip could be read",
    "no_media": "there is no clip",
}
"""What a person must know of a prediction whose clip was not read, by the extraction's status."""


def show_forecast(forecast: "Forecast", hit_from: float) -> None:
    """Print one prediction with its reasons.

    Args:
        forecast: the prediction.
        hit_from: outcome from which a post is a hit for the model, in units.
    """
    target = find_target(forecast.target)
    middle = amount(forecast.prediction, target.unit, target.counts)
    likely = spread(forecast.low, forecast.high, target.unit, target.counts)
    say_line(f"[bold]{escaped(forecast.id)}[/bold]")
    if forecast.status in CLIP and forecast.reason != "no_folder":
        why = f"{CLIP[forecast.status]}: {forecast.explanation or forecast.reason}"
        say_line(f"  [yellow]{escaped(why)}[/yellow]")
    say_line(f"  {middle}; four times in five {likely}")
    for name, one in forecast.outcomes.items():
        within = spread(one["low"], one["high"], name)
        say_line(f"  {amount(one['prediction'], name)}; four times in five {within}")
    threshold = amount(hit_from, target.unit, target.counts)
    told = chance_words(forecast.hit_probability, threshold, target.bar is None)
    say_line(f"  above {place_words(forecast.percentile)} of 100 training posts; {told}")
    for mark, reasons in (("+", forecast.reasons_up), ("-", forecast.reasons_down)):
        for reason in reasons:
            say_line(f"  {mark} {escaped(str(reason['sentence']))}")


def show_ingest(result: "Ingest") -> None:
    """Print what was read, written and refused."""
    path = escaped(str(result.path))
    say_line(f"{result.written} posts of {result.rows} rows ({result.format}): {path}")
    if result.rejected:
        say_line(f"{result.rejected} rows refused; reasons in {escaped(str(result.rejects))}")
    for note in result.notes:
        say_line(escaped(note))


def show_validation(result: "Validation") -> None:
    """Print what is in a table of posts."""
    say_line(
        f"{result.posts} posts of {result.authors} authors, "
        f"{result.first_posted_at or 'unknown'} to {result.last_posted_at or 'unknown'}"
    )
    print_table(
        ("field", "unit", "known", "present", "missing", "distinct", "lowest", "highest"),
        [
            (one.name, one.unit, one.known, str(one.present), str(one.missing),
             str(one.distinct), _cell(one.low), _cell(one.high))
            for one in result.fields
        ],
    )  # fmt: skip
    for doubt in (*result.duplicates, *result.suspicious_dates, *result.suspicious_values):
        say_line(
            f"{doubt.posts} posts: {escaped(doubt.what)}, as {escaped(', '.join(doubt.examples))}"
        )
    for one in result.targets:
        splits = ", ".join(one.splits) or "none"
        say_line(
            f"{one.target}: {one.rows} labelled posts; splits: {splits}. {escaped(one.warning)}"
        )


def show_extraction(result: "Extraction") -> None:
    """Print how the posts' extraction ended."""
    counts = ", ".join(f"{count} {status}" for status, count in sorted(result.counts.items()))
    say_line(
        f"{counts}; {result.computed} computed, {result.reused} reused, {result.seconds:.1f} s"
    )
    for reason, count in sorted(result.reasons.items()):
        say_line(f"  {count} {escaped(reason)}")
    say_line(f"Features: {escaped(str(result.path))}")
    if result.gone:
        held = counted(result.gone, "post that is", "posts that are")
        say_line(
            f"The folder held {held} not in this table and no longer in it; give one table of all "
            "posts to have them together: their clips are not read again"
        )


def show_tuning(result: "Tuning") -> None:
    """Print the best trial."""
    say_line(
        f"{len(result.finished)} trials on {result.posts} posts; "
        f"best {result.metric} {result.value:.4f} for {result.target}"
    )
    if result.nested is not None and result.optimism is not None:
        say_line(
            f"Chosen without the fold that judges: {result.nested:.4f}; the best score flatters "
            f"by {result.optimism:.4f}"
        )
    for note in result.notes:
        say_line(escaped(note))
    print_table(
        ("parameter", "value"), [(key, _cell(value)) for key, value in result.params.items()]
    )


def show_card(card: "ModelCard", path: Path) -> None:
    """Print what a model is made of."""
    kinds = ", ".join(f"{count} {kind}" for kind, count in card.features_by_modality.items())
    say_line(f"Trained on {card.rows} posts of {card.authors} authors to predict {card.target}")
    say_line(f"{len(card.features)} features: {kinds}")
    new, known = (
        ", ".join(f"{name} {weight:.2f}" for name, weight in weights.items())
        for weights in (card.weights, card.weights_known_authors)
    )
    apart = card.weights != card.weights_known_authors
    say_line(
        f"Weights of the stack{', unknown authors' if apart else ''} "
        f"(they need not sum to 1): {new}"
    )
    if apart:
        say_line(f"Weights of the stack, known authors: {known}")
    for note in (*card.notes, *card.licences):
        say_line(escaped(note))
    say_line(f"Model: {escaped(str(path))}")


def show_evaluation(result: "Evaluation") -> None:
    """Print the scores with the baselines beside them."""
    say_line(result.verdict)
    names = list(result.metrics)
    columns = {"model": result.metrics, **result.baselines}
    print_table(
        ("metric", *columns),
        [(name, *(metric_cell(scores.get(name)) for scores in columns.values())) for name in names],
    )
    covered = result.coverage
    chance = f"{percent(covered.low)} to {percent(covered.high)}"
    say_line(
        f"{result.split} split, {counted(result.rows, 'post')} of "
        f"{counted(result.authors, 'author')}. "
        f"80 % intervals hold {percent(covered.value)} "
        f"({chance if np.isfinite(covered.low) else 'no interval'})."
    )
    known = {name: gap for name, gap in result.optimism_gap.items() if np.isfinite(gap)}
    gaps = ", ".join(f"{name} {gap:+.3f}" for name, gap in known.items())
    against = "random folds less this split"
    if result.split == "random":
        against = "these random folds less a split by time or, without times, by author"
    say_line(f"Optimism gap ({against}): {gaps or 'unknown'}")
    for note in result.notes:
        say_line(escaped(note))


def show_run(result: "Run") -> None:
    """Print the lines that say what came out."""
    say_line(f"Posts read: {result.posts}")
    if result.failed:
        features = Path(result.report).parent / "features"
        say_line(
            f"Clips not read: {result.failed}; `virality status {escaped(str(features))}` says why"
        )
    say_line(f"Features: {result.features}")
    say_line(f"Best of {result.trials} trials: {result.best_trial:.3f} {result.metric}")
    say_line(f"Score: {result.verdict[0]}")
    say_line(f"Strongest drivers: {escaped(', '.join(result.drivers))}")
    say_line(f"Report: {escaped(result.report)}")


def _cell(value: object) -> str:
    if value is None:
        return ""
    return significant(value, 4) if isinstance(value, float) else str(value)


def metric_cell(metric: "Metric | None") -> str:
    """Return a score and its interval, a dash where there is none; one post has no interval."""
    if metric is None or not np.isfinite(metric.value):
        return "-"
    if not np.isfinite(metric.low):
        return f"{metric.value:.3f} (no interval)"
    return f"{metric.value:.3f} ({metric.low:.2f} to {metric.high:.2f})"


def show_pair(pair: "Paired") -> None:
    """Print where the comparison of two reports is and what it says first."""
    for sentence in pair.sentences:
        say_line(escaped(sentence))
    say_line(f"Comparison: {escaped(pair.report)}")


def show_described(described: "Described") -> None:
    """Print where the report is and what it says first."""
    for sentence in described.verdict:
        say_line(sentence)
    say_line(f"Strongest drivers: {escaped(', '.join(described.drivers))}")
    say_line(f"Report: {escaped(described.report)}")


def show_columns(rows: Iterable["ListedColumn"], extras: Iterable["ListedExtra"]) -> None:
    """Print the columns of every featurizer, and what can be switched on at what cost."""
    print_table(
        ("featurizer", "column", "modality", "unit", "known", "meaning"),
        [
            (one.featurizer, one.column.split("__", 1)[-1], one.modality, one.unit, one.known,
             one.meaning)
            for one in rows
        ],
    )  # fmt: skip
    print_table(
        ("extra (--with)", "columns", "CPU a clip", "installed"),
        [
            (one.name, str(one.columns), one.cost, "yes" if one.installed else one.install)
            for one in extras
        ],
    )


def show_status(table: "pd.DataFrame") -> None:
    """Print a row a post, the counts, what the reasons mean and the featurizers' versions."""
    from virality.data.reasons import REASONS

    rows = [
        (str(row.id), str(row.status), str(row.reason), f"{row.seconds:.2f}",
         str(row.source_sha256)[:12], str(row.detail))
        for row in table.itertuples()
    ]  # fmt: skip
    print_table(("post", "status", "reason", "seconds", "sha256", "detail"), rows)
    for status, count in _tally(table["status"]).items():
        say_line(f"{count} {status}")
    for reason, count in _tally(table["reason"]).items():
        say_line(f"  {count} {escaped(reason)}: {escaped(REASONS.get(reason, ''))}")
    versions = ", ".join(f"{name} {version}" for name, version in _versions(table).items())
    say_line(f"Featurizers: {escaped(versions)}")


def _tally(column: "pd.Series[Any]") -> dict[str, int]:
    counts = column.fillna("").value_counts()
    return {str(key): int(count) for key, count in counts.items() if key}


def _console() -> "RichConsole":
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True)


def say_line(text: str) -> None:
    """Print a line; square brackets are markup."""
    _console().print(text)


def escaped(text: str) -> str:
    """Return text of strangers that is neither markup nor moves the cursor."""
    from rich.markup import escape

    return escape(_printable(text))


def _printable(text: str) -> str:
    """Return text without control characters: of a caption or an id they must reach no terminal."""
    return "".join(char if char.isprintable() else " " for char in text)


def print_table(
    header: Sequence[str], rows: Iterable[Sequence[str]], *, whole: int = NAMES
) -> None:
    """Print rows of cells under a header; the first `whole` columns do not wrap.

    In a terminal that is too narrow for that they are printed one below the other.
    """
    import sys

    from rich.console import Console
    from rich.table import Table

    from virality.workflow.terminal_records import fits, records

    cells = [tuple(map(_printable, row)) for row in rows]
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)
    if sys.stdout.isatty() and not fits(header, cells, console.width, whole=whole):
        for line in records(header, cells, console.width, whole=whole):
            say_line(escaped(line))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for place, name in enumerate(header):
        # Names are what people copy, so they stay whole; the other cells may wrap.
        table.add_column(name, no_wrap=place < whole, overflow="fold")
    for row in cells:
        table.add_row(*map(escaped, row))
    console.print(table)
