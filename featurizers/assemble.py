"""From stored rows to one matrix and one status table, a row a post."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from virality.data.clip import FloatArray
from virality.data.decode import SAMPLING_VERSION
from virality.data.features import Features
from virality.data.matrix import Column, FeatureMatrix, Known
from virality.data.post import EXTRA_PREFIX
from virality.data.store import Store
from virality.featurizers.base import Featurizer
from virality.featurizers.variation import VARIED_MODALITIES, view_source
from virality.featurizers.verdict import find_verdict
from virality.featurizers.worker import MEDIA_MODALITIES, Setup, row_key

NO_MEDIA_REASONS = ("no_file", "file_not_found", "no_folder")
METADATA_BATCH = 4096


@dataclass(frozen=True)
class Part:
    """What a post consists of, by content.

    Attributes:
        caption: its text, None if blank.
        path: its media file, None if there is none that may be opened.
        sha256: hash of that file, `""` if it has none.
        reason: why the file is not decoded, `""` if it is.
    """

    caption: str | None
    path: Path | None = None
    sha256: str = ""
    reason: str = ""


LATE_FIELD = "author_likes"
"""A field of the schema that no featurizer reads: the author's likes hold those of the post."""


def chosen_extras(
    posts: pd.DataFrame, known: Mapping[str, Known], late: bool = False
) -> tuple[Column, ...]:
    """Return the `extra.*` columns that become features.

    Args:
        posts: a posts table.
        known: provenance that the user declared; other columns are `post`.
        late: take those known only after posting too, and of texts the length.
    """
    chosen = []
    for name in map(str, posts.columns):
        when = known.get(name, "post")
        extra = name.startswith(EXTRA_PREFIX) or (late and name == LATE_FIELD)
        if not extra or (when == "post" and not late):
            continue
        number = pd.api.types.is_numeric_dtype(posts[name])
        if number or pd.api.types.is_bool_dtype(posts[name]) or when == "post":
            meaning = f"the column {name} of the source" if number else f"the length of {name}"
            short = name.removeprefix(EXTRA_PREFIX)
            chosen.append(Column(f"extra__{short}", "metadata", known=when, meaning=meaning))
    return tuple(chosen)


def assemble(
    posts: pd.DataFrame,
    parts: Sequence[Part],
    setup: Setup,
    store: Store,
    failures: Mapping[str, Mapping[str, str]],
    extras: Sequence[Column],
    needs_media: bool,
) -> Features:
    """Return the features of posts from what the store holds, in the order of the posts."""
    columns: dict[str, Column] = {}
    blocks: list[FloatArray] = []
    for name, featurizer in setup.featurizers.items():
        columns |= {one.name: one for one in (each.under(name) for each in featurizer.columns)}
        blocks.append(_block(name, featurizer, posts, parts, store))
    for column in extras:
        columns[column.name] = column
        short = column.name.removeprefix("extra__")
        blocks.append(_extra(posts[short if short == LATE_FIELD else EXTRA_PREFIX + short]))
    ids = pd.Index([str(post) for post in posts["id"]], name="id", dtype=object)
    frame = pd.DataFrame(np.hstack(blocks), index=ids, columns=list(columns))
    views = _views(frame, columns, parts, setup, store) if setup.views else None
    versions = {name: version_of(one) for name, one in setup.featurizers.items()}
    status = _status(ids, parts, setup, store, failures, needs_media)
    return Features(FeatureMatrix(frame, columns, versions, views), posts, status)


def _views(
    frame: pd.DataFrame,
    columns: Mapping[str, Column],
    parts: Sequence[Part],
    setup: Setup,
    store: Store,
) -> pd.DataFrame:
    """Return the views of every post whose clip could be decoded, all first views first.

    What a view does not see anew is the post's own.
    """
    seen = {n: one for n, one in setup.featurizers.items() if one.modality in VARIED_MODALITIES}
    verdicts = [
        find_verdict(store, part.sha256, setup.limits) if part.sha256 and not part.reason else None
        for part in parts
    ]
    decoded = [i for i, one in enumerate(verdicts) if one and one["status"] != "failed"]
    place = {name: number for number, name in enumerate(columns)}
    blocks = [frame.to_numpy()[:0]]
    for view in range(1, setup.views + 1):
        block = frame.to_numpy()[decoded]
        for name, featurizer in seen.items():
            inner = [place[column.under(name).name] for column in featurizer.columns]
            for row, part in enumerate(parts[i] for i in decoded):
                key = row_key(name, featurizer, view_source(part.sha256, view))
                found = store.row(key, len(inner))
                block[row, inner] = np.nan if found is None else found
        blocks.append(block)
    ids = frame.index[decoded * setup.views]
    return pd.DataFrame(np.vstack(blocks), index=ids, columns=list(columns))


def version_of(featurizer: Featurizer[Any]) -> str:
    """Return a featurizer's version with that of the sampling of clips, where it sees clips."""
    media = featurizer.modality in MEDIA_MODALITIES
    return f"{featurizer.version}/sampling-{SAMPLING_VERSION}" if media else featurizer.version


def _block(
    name: str, featurizer: Featurizer[Any], posts: pd.DataFrame, parts: Sequence[Part], store: Store
) -> FloatArray:
    if featurizer.modality == "metadata":
        return _metadata(featurizer, posts)
    width = len(featurizer.columns)
    block = np.full((len(parts), width), np.nan, np.float32)
    for index, part in enumerate(parts):
        source = part.caption if featurizer.modality == "text" else part.sha256
        row = store.row(row_key(name, featurizer, source), width) if source else None
        if row is not None:
            block[index] = row
    return block


def _metadata(featurizer: Featurizer[Any], posts: pd.DataFrame) -> FloatArray:
    from virality.data.table import iter_posts

    batches = []
    for start in range(0, len(posts), METADATA_BATCH):
        batch = list(iter_posts(posts.iloc[start : start + METADATA_BATCH]))
        batches.append(np.asarray(featurizer.extract(batch), np.float32))
    rows = np.vstack(batches)
    return np.where(np.isfinite(rows), rows, np.float32(np.nan))


def _extra(values: pd.Series) -> FloatArray:
    """Return numbers as they are, and of anything else how long it is as text."""
    number = pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values)
    if not number:
        values = values.map(lambda one: len(str(one)), na_action="ignore")
    numbers = values.astype("Float64").to_numpy(np.float64, na_value=np.nan)
    with np.errstate(over="ignore"):
        single = numbers.astype(np.float32)
    return np.where(np.isfinite(single), single, np.float32(np.nan))[:, None]


def _status(
    ids: pd.Index,
    parts: Sequence[Part],
    setup: Setup,
    store: Store,
    failures: Mapping[str, Mapping[str, str]],
    needs_media: bool,
) -> pd.DataFrame:
    rows = [_verdict(part, setup, store, failures, needs_media) for part in parts]
    table = pd.DataFrame(rows, columns=["status", "reason", "detail", "seconds", "source_sha256"])
    table.insert(0, "id", list(ids))
    versions = {name: version_of(one) for name, one in setup.featurizers.items()}
    table["versions"] = pd.array([json.dumps(versions)] * len(table), dtype="string")
    return table.astype({"seconds": "float64"})


def _verdict(
    part: Part,
    setup: Setup,
    store: Store,
    failures: Mapping[str, Mapping[str, str]],
    needs_media: bool,
) -> tuple[str, str, str, float, str]:
    """Return (status, reason, detail, seconds, sha256) of one post."""
    status, reason, seconds = "ok", "", 0.0
    if needs_media and part.reason:
        status = "no_media" if part.reason in NO_MEDIA_REASONS else "failed"
        reason = part.reason
    elif needs_media:
        verdict = find_verdict(store, part.sha256, setup.limits) or {}
        status = str(verdict.get("status", "failed"))
        reason = str(verdict.get("reason", "worker_lost"))
        seconds = float(verdict.get("seconds", 0.0))
    faults = {**failures.get(part.caption or "", {}), **failures.get(part.sha256, {})}
    faults.pop("", None)
    if faults and status != "failed":
        status, reason = "partial", reason or "featurizer_failed"
    detail = "; ".join(f"{name}: {fault}" for name, fault in sorted(faults.items()))
    return status, reason, detail, seconds, part.sha256
