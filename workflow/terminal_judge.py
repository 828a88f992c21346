"""How judgements and comparisons look in a terminal."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from virality.data.words import counted
from virality.reports.words import percent
from virality.workflow.terminal import escaped, metric_cell, print_table, say_line, show_evaluation

if TYPE_CHECKING:
    from virality.modeling.ablation import Ablation
    from virality.modeling.audit import Audit
    from virality.modeling.compare import Comparison
    from virality.modeling.curve import LearningCurve
    from virality.modeling.metrics import Metric
    from virality.modeling.slices import Slice
    from virality.workflow.judge import Judgement

SHOWN = ("spearman", "mae", "r2")


def show_judgement(result: "Judgement") -> None:
    """Print an evaluation and what was asked for besides."""
    show_evaluation(result.evaluation)
    for name, methods in result.evaluation.together.items():
        say_line(f"\n[bold]{name}[/bold], learned together with views")
        shown = (*SHOWN, "coverage")
        print_table(
            ("method", *shown),
            [(who.replace("_", " "), *_of(metrics, shown)) for who, metrics in methods.items()],
        )
    if result.slices is not None:
        _show_slices(result.slices)
    if result.curve is not None:
        _show_curve(result.curve)
    if result.ablation is not None:
        _show_ablation(result.ablation)


def show_comparison(result: "Comparison", names: tuple[str, str]) -> None:
    """Print two models side by side and whether their difference is real."""
    say_line(escaped(result.verdict))
    print_table(
        ("metric", names[0], names[1], "second less first"),
        [
            (name, *_cells(scores.get(name) for scores in
                           (result.first, result.second, result.differences)))
            for name in result.first
        ],
    )  # fmt: skip
    held = " and ".join(percent(one.value) for one in result.coverage)
    say_line(
        f"{result.split} split, {counted(result.rows, 'post')} of "
        f"{counted(result.authors, 'author')}. "
        f"80 % intervals hold {held}."
    )
    for note in result.notes:
        say_line(escaped(note))


def show_audit(result: "Audit") -> None:
    """Print what an audit found."""
    posts, columns = counted(result.posts, "post"), counted(result.columns, "column")
    looked = f"{posts} and {columns} looked at for {result.target}"
    if not result.findings:
        say_line(f"{escaped(looked)}: no sign of a leak.")
    else:
        say_line(f"{escaped(looked)}: {counted(len(result.findings), 'sign')} of a leak.")
        for one in result.findings:
            say_line(f"  [bold]{one.kind.replace('_', ' ')}[/bold]: {escaped(one.sentence)}")
    for note in result.notes:
        say_line(escaped(note))


def _show_slices(slices: "Sequence[Slice]") -> None:
    from virality.modeling.slices import LEAST_ROWS

    if not slices:
        say_line(
            f"\nNo kind of post has the {LEAST_ROWS} judged posts that scores of its own take."
        )
        return
    say_line("\n[bold]By kind of post[/bold] (bias: actual less predicted)")
    columns = (*SHOWN, "bias", "coverage")
    print_table(
        ("kind", "posts that are", "posts", "authors", *columns),
        [
            (one.kind, one.name, str(one.rows), str(one.authors), *_of(one.metrics, columns))
            for one in slices
        ],
    )


def _show_curve(curve: "LearningCurve") -> None:
    say_line("\n[bold]Learning curve[/bold]")
    say_line(escaped(curve.verdict))
    print_table(
        ("learned from", "share", *SHOWN),
        [
            (f"{point.rows} posts", f"{point.share:.3g}", *_of(point.metrics, SHOWN))
            for point in curve.points
        ],
    )


def _show_ablation(ablation: "Ablation") -> None:
    say_line("\n[bold]What each modality adds[/bold] (mae less whole: above 0 it was needed)")
    say_line(escaped(ablation.verdict))
    print_table(
        ("inputs", "", "columns", *SHOWN, "mae less whole"),
        [
            ("all", "", "", *_of(ablation.whole, SHOWN), ""),
            *(
                (part.kind, part.modality, str(part.columns), *_of(part.metrics, SHOWN),
                 metric_cell(part.differences.get("mae")))
                for part in ablation.parts
            ),
        ],
    )  # fmt: skip


def _of(metrics: "Mapping[str, Metric]", names: Iterable[str]) -> list[str]:
    return _cells(metrics.get(name) for name in names)


def _cells(metrics: "Iterable[Metric | None]") -> list[str]:
    return [metric_cell(one) for one in metrics]
