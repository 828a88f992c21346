"""Paths may be given as text wherever the page on Python gives one."""

from pathlib import Path

import numpy as np
import pytest
from matrices import make_case

from virality.data.features import read_features
from virality.data.ingest import ingest
from virality.data.table import read_posts
from virality.modeling.bundle import load_model, save_model
from virality.modeling.train import train
from virality.modeling.tune import tune
from virality.workflow.run import extract_table

pytestmark = pytest.mark.usefixtures("light_recipes")


def test_a_table_is_read_and_extracted(tmp_path: Path) -> None:
    lines = [
        f"p{i},a{i % 3},caption {i},{100 + i},2024-01-{i + 1:02d}T10:00:00Z" for i in range(12)
    ]
    source = tmp_path / "posts.csv"
    source.write_text("\n".join(["id,author_id,caption,views,posted_at", *lines]), encoding="utf-8")
    done = ingest(str(source), str(tmp_path / "posts.parquet"))
    assert done.written == len(read_posts(str(tmp_path / "posts.parquet"))) == 12
    extract_table(str(done.path), None, str(tmp_path / "features"), only=("metadata",))
    assert len(read_features(str(tmp_path / "features")).matrix) == 12


def test_a_study_and_a_model_are_written_and_read(tmp_path: Path) -> None:
    matrix, posts = make_case(60)
    tuning = tune(matrix, posts, trials=1, study=str(tmp_path / "study.log"))
    model = train(matrix, posts, tuning=tuning)
    save_model(model, str(tmp_path / "model"))
    again = load_model(str(tmp_path / "model"))
    np.testing.assert_array_equal(
        again.predict(matrix, posts).mean, model.predict(matrix, posts).mean
    )
