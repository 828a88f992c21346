"""Thirty weeks of posts whose rule changes in week 15: the loop against a model left alone.

Posts have no clips: caption, account and time of posting, read by the real featurizers. Both ways
predict each week before its outcomes are known. One hears them a week later through the log and
trains again where that is better; the other stays as it was.
"""

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from results_table import RESULTS, write_table

from virality.data.features import Features, read_features
from virality.data.matrix import FeatureMatrix
from virality.data.outcomes import Outcome
from virality.data.table import conform
from virality.featurizers.extract import extract
from virality.modeling.bundle import load_marked, save_model
from virality.modeling.registry import Registry
from virality.modeling.train import Model, train
from virality.workflow.predict import forecast
from virality.workflow.prediction_log import keep_forecasts, open_log
from virality.workflow.retrain import retrain_on

WEEKS, FIRST, DRIFT, POSTS = 30, 5, 15, 60
TRIALS = 4
SEED = 0
BEGIN = datetime(2025, 1, 6, tzinfo=UTC)
NOISE_SD = 0.2
FEATURIZERS = ("metadata", "text_shape")


def make_posts(week: int) -> pd.DataFrame:
    """Return one week's posts: long captions and evenings help until the rule changes."""
    rng = np.random.default_rng((SEED, week))
    author, length = rng.integers(0, 40, POSTS), rng.integers(1, 40, POSTS)
    followers = 10 ** np.random.default_rng(SEED).normal(4, 0.7, 40)[author]
    minutes = np.sort(rng.integers(0, 7 * 24 * 60, POSTS))
    evening = np.cos(2 * np.pi * ((minutes / 60) % 24 - 18) / 24)
    changed = week >= DRIFT
    y = 2.0 + 0.4 * np.log10(followers) + (-0.5 if changed else 0.5) * evening
    y += (-0.6 if changed else 0.6) * (length - 20) / 12 + rng.normal(0, NOISE_SD, POSTS)
    times = [BEGIN + timedelta(weeks=week, minutes=int(one)) for one in minutes]
    return conform(
        pd.DataFrame(
            {
                "id": [f"w{week:02d}-{number:03d}" for number in range(POSTS)],
                "author_id": [f"author{one}" for one in author],
                "author_followers": followers.astype(np.int64),
                "posted_at": times,
                "collected_at": [one + timedelta(days=7) for one in times],
                "caption": [" ".join(["word"] * int(words)) for words in length],
                "views": np.maximum(10**y - 1, 0).astype(np.int64),
            }
        )
    )


def features_of(posts: pd.DataFrame, folder: Path) -> Features:
    extract(posts, None, folder, only=FEATURIZERS)
    return read_features(folder)


def weekly(folder: Path) -> list[Features]:
    """Extract everything at once and cut it by week."""
    whole = features_of(
        pd.concat([make_posts(week) for week in range(WEEKS)], ignore_index=True), folder
    )
    return [cut(whole, week * POSTS, (week + 1) * POSTS) for week in range(WEEKS)]


def cut(whole: Features, start: int, end: int) -> Features:
    frame = whole.matrix.frame.iloc[start:end]
    matrix = FeatureMatrix(frame, whole.matrix.columns, whole.matrix.versions)
    posts = whole.posts.iloc[start:end].reset_index(drop=True)
    return Features(matrix, posts, whole.status.iloc[start:end].reset_index(drop=True))


def joined(weeks: list[Features]) -> Features:
    frame = pd.concat([one.matrix.frame for one in weeks])
    matrix = FeatureMatrix(frame, weeks[0].matrix.columns, weeks[0].matrix.versions)
    posts = conform(pd.concat([one.posts for one in weeks], ignore_index=True))
    return Features(matrix, posts, pd.concat([one.status for one in weeks], ignore_index=True))


def error_of(model: Model, week: Features) -> float:
    said = model.predict(week.matrix, week.posts).mean
    return float(np.mean(np.abs(said - model.target.values(week.posts))))


def live(folder: Path) -> tuple[list[tuple[int, float, float, float]], int]:
    """Return (week, error with the loop, without, of a constant) and promotions."""
    weeks = weekly(folder / "features")
    known = joined(weeks[:FIRST])
    first = train(known.matrix, known.posts, seed=SEED)
    middle = float(np.median(first.target.values(known.posts)))
    save_model(first, folder / "first")
    registry = Registry(folder / "registry")
    entry = registry.adopt(folder / "first", known.posts["id"], now=BEGIN)
    registry.promote(entry.hash, "the first one", now=BEGIN)
    errors, promotions = [], 0
    pending: list[Outcome] = []
    with open_log(folder / "predictions.db") as log:
        for number, week in enumerate(weeks[FIRST:], start=FIRST):
            model, mark = load_marked(registry.current)
            constant = float(np.mean(np.abs(first.target.values(week.posts) - middle)))
            errors.append((number, error_of(model, week), error_of(first, week), constant))
            end = BEGIN + timedelta(weeks=number + 1)
            names = keep_forecasts(log, mark, model, week, forecast(model, week), now=end)
            log.feedback_table(pending, now=end)  # the week before is a week old only now
            views = week.posts["views"].astype(int)
            pending = [
                Outcome(prediction=name, views=int(count), observed_at=end + timedelta(days=7))
                for name, count in zip(names, views, strict=True)
            ]
            champion = registry.in_use()
            assert champion is not None
            result = retrain_on(
                log, registry, champion, known, warm=(champion.params,), trials=TRIALS, seed=SEED,
                now=end,
            )  # fmt: skip
            promotions += result.action == "promoted"
            print(number, [round(one, 3) for one in errors[-1][1:]], result.action, result.window)
    return errors, promotions


def draw(errors: list[tuple[int, float, float, float]], path: Path) -> None:
    """Write the errors week by week as a small SVG."""
    width, height, left, bottom = 640, 260, 46, 222
    top = max(max(row[1:]) for row in errors) * 1.08

    def x(week: float) -> float:
        return left + (week - FIRST) / (WEEKS - 1 - FIRST) * (width - left - 14)

    def y(value: float) -> float:
        return bottom - value / top * (bottom - 14)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<line x1="{x(DRIFT - 0.5):.1f}" x2="{x(DRIFT - 0.5):.1f}" y1="14" y2="{bottom}" '
        'stroke="#888" stroke-dasharray="4 3"/>',
        f'<text x="{x(DRIFT - 0.5) + 5:.1f}" y="24" fill="#555">the rule changes</text>',
    ]
    for tick in np.arange(0, top, 0.2):
        parts.append(
            f'<line x1="{left}" x2="{width - 14}" y1="{y(tick):.1f}" y2="{y(tick):.1f}" '
            f'stroke="#e3e3e3"/><text x="{left - 6}" y="{y(tick) + 4:.1f}" text-anchor="end" '
            f'fill="#555">{tick:.1f}</text>'
        )
    for week in range(FIRST, WEEKS, 5):
        parts.append(
            f'<text x="{x(week):.1f}" y="{bottom + 16}" text-anchor="middle" fill="#555">'
            f"week {week}</text>"
        )
    lines = (("with the loop", "#0072b2", 1), ("left alone", "#d55e00", 2), ("constant", "#888", 3))
    for number, (name, colour, place) in enumerate(lines):
        points = " ".join(f"{x(row[0]):.1f},{y(row[place]):.1f}" for row in errors)
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        )
        parts.append(
            f'<text x="{left + 150 * number}" y="{height - 6}" fill="{colour}">{name}</text>'
        )
    path.write_text("\n".join([*parts, "</svg>"]) + "\n", encoding="utf-8")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        errors, promotions = live(Path(folder))
    spans = ((FIRST, DRIFT), (DRIFT, DRIFT + 3), (DRIFT + 3, DRIFT + 8), (DRIFT + 8, WEEKS))
    rows = []
    for start, end in spans:
        part = np.array([row[1:] for row in errors if start <= row[0] < end])
        rows.append((f"{start} to {end - 1}", *map(float, part.mean(axis=0))))
    draw(errors, RESULTS / "loop.svg")
    write_table(
        "loop",
        "The loop against a model left alone, when the rule changes in week 15",
        ("weeks", "error with the loop", "error left alone", "error of a constant"),
        rows,
        (
            f"Mean absolute error of log10(1 + views); {NOISE_SD * np.sqrt(2 / np.pi):.3f} is what "
            "the drawn noise alone leaves to the best of models.",
            f"{POSTS} posts a week; weeks 0 to {FIRST - 1} train the first model. A week's "
            "outcomes are heard a week after it: they can help from the week after the next on.",
            f"{promotions} of {WEEKS - FIRST} rounds put a challenger into use; {TRIALS} trials "
            "each.",
            "![errors week by week](loop.svg)",
        ),
        seed=SEED,
    )


if __name__ == "__main__":
    main()
