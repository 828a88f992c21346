"""Extraction: a row a post, resumed, the same for any number of workers, whatever dies."""

import os
import shutil
import signal
import unicodedata
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
from clips import make_clip
from light_extraction import (
    LIGHT,
    catch_running,
    make_media,
    make_posts,
    matrix_sha256,
    start_extraction,
    table,
    table_sha256,
)

from virality.data.decode import REASONS, Limits
from virality.data.errors import InputError, StorageError, UsageError
from virality.data.features import MATRIX, read_features
from virality.data.media import posts_of_media
from virality.featurizers import FEATURIZERS
from virality.featurizers import extract as module
from virality.featurizers.extract import extract
from virality.workflow.terminal import show_extraction


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_media(tmp_path_factory.mktemp("media"))


@pytest.fixture
def posts() -> pd.DataFrame:
    return make_posts()


def test_one_row_a_post_with_its_status(posts, media, tmp_path):
    result = extract(posts, media, tmp_path / "f", only=LIGHT)
    assert result.counts == {"ok": 6, "failed": 1, "no_media": 2}
    assert result.reasons == {"not_media": 1, "no_file": 2}
    features = read_features(tmp_path / "f")
    assert list(features.matrix.frame.index) == list(posts["id"])
    assert list(features.status["id"]) == list(posts["id"])
    frame = features.matrix.frame
    missing = {
        name: frame.filter(like=f"{name}__").isna().all(axis=1).tolist()
        for name in ("text_shape", "frames_colour", "audio_loudness", "stream_container")
    }
    assert missing["text_shape"] == [False, False, True, True, False, False, False, False, False]
    assert missing["frames_colour"] == [False] * 5 + [True] * 4
    assert missing["audio_loudness"] == [False] * 4 + [True, False, True, True, True]
    assert missing["stream_container"] == [False] * 6 + [True] * 3


@pytest.mark.parametrize("views", [0, 2])
def test_same_bytes_for_any_number_of_workers_and_a_second_run_does_nothing(
    posts, media, tmp_path, views
):
    sums = set()
    for jobs in (1, 2, 4):
        extract(posts, media, tmp_path / str(jobs), only=LIGHT, jobs=jobs, views=views)
        sums.add(table_sha256(tmp_path / str(jobs)))
    again = extract(posts, media, tmp_path / "1", only=LIGHT, views=views)
    sums.add(table_sha256(tmp_path / "1"))
    assert len(sums) == 1
    varied = read_features(tmp_path / "1").matrix.views
    assert (0 if varied is None else len(varied)) == 6 * views
    assert again.computed == 0
    assert again.reused == 6 + 6  # clips that are media, distinct captions


def test_only_what_changed_is_done_again(posts, media, tmp_path, monkeypatch):
    folder = tmp_path / "media"
    shutil.copytree(media, folder)
    out = tmp_path / "f"
    extract(posts, folder, out, only=LIGHT)
    posts.loc[0, "caption"] = "another"
    assert extract(posts, folder, out, only=LIGHT).computed == 1
    make_clip(folder / "p1.mp4", seconds=0.6, seed=99)
    assert extract(posts, folder, out, only=LIGHT).computed == 1
    colour = FEATURIZERS["frames_colour"]
    if "version" in colour.__dataclass_fields__:
        newer = {**FEATURIZERS, "frames_colour": replace(colour, version="test")}
        monkeypatch.setattr(module, "FEATURIZERS", newer)
        assert extract(posts, folder, out, only=LIGHT).computed == 6


def test_a_caption_in_parts_is_the_caption_as_a_whole(tmp_path):
    """Sentence encoders give two spellings of one sentence two places."""
    texts = [unicodedata.normalize(form, "Món ăn ngon #phở") for form in ("NFC", "NFD")]
    posts = table(["a", "b"], caption=texts)
    result = extract(posts, None, tmp_path / "f", only=["text_shape"])
    assert (result.computed, result.reused) == (1, 0)
    first, second = read_features(tmp_path / "f").matrix.frame.to_numpy()
    np.testing.assert_array_equal(first, second)


def test_posts_that_an_extraction_leaves_out_are_told(tmp_path, capsys):
    posts = table(["a", "b", "c"], caption=["one", "two", "three"])
    out = tmp_path / "f"
    assert extract(posts, None, out, only=["text_shape"]).gone == 0
    other = extract(posts.iloc[1:].reset_index(drop=True), None, out, only=["text_shape"])
    assert (other.gone, other.computed) == (1, 0)
    show_extraction(other)
    assert "held 1 post that is not in this table" in " ".join(capsys.readouterr().out.split())
    both = extract(posts, None, out, only=["text_shape"])
    assert (both.gone, both.computed, len(read_features(out).matrix)) == (0, 0, 3)
    (out / "posts.parquet").write_bytes(b"damaged")
    assert extract(posts, None, out, only=["text_shape"]).gone == 0


def test_damaged_row_is_made_again(posts, media, tmp_path):
    out = tmp_path / "f"
    extract(posts, media, out, only=LIGHT)
    before = matrix_sha256(out)
    for path in (out / "rows").iterdir():
        raw = bytearray(path.read_bytes())
        raw[-1] ^= 1
        path.write_bytes(bytes(raw))
    assert extract(posts, media, out, only=LIGHT).computed > 0
    assert matrix_sha256(out) == before


def test_killed_workers_lose_nothing(posts, media, tmp_path):
    expected = tmp_path / "calm"
    extract(posts, media, expected, only=LIGHT)
    kills = []

    def kill_one(done: int, total: int) -> None:
        workers = [
            one for one in psutil.Process().children() if "featurizers.worker" in str(one.cmdline())
        ]
        if workers and len(kills) < 2:
            kills.append(done)
            workers[0].kill()

    result = extract(posts, media, tmp_path / "f", only=LIGHT, jobs=2, progress=kill_one)
    assert len(kills) == 2
    assert result.counts == {"ok": 6, "failed": 1, "no_media": 2}
    assert matrix_sha256(tmp_path / "f") == matrix_sha256(expected)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_run_resumes(posts, media, tmp_path, how):
    calm = tmp_path / "calm"
    extract(posts, media, calm, only=LIGHT)
    posts.to_pickle(tmp_path / "posts.pkl")
    run, out = catch_running(
        lambda out: start_extraction(tmp_path / "posts.pkl", media, out), tmp_path
    )
    family = psutil.Process(run.pid).children(recursive=True)
    os.kill(run.pid, how)
    os.killpg(run.pid, signal.SIGCONT)
    run.communicate(timeout=60)
    assert not psutil.wait_procs(family, timeout=10)[1]
    result = extract(posts, media, out, only=LIGHT)
    assert result.reused > 0
    assert matrix_sha256(out) == matrix_sha256(calm)


def test_clips_alone_and_posts_alone(media, tmp_path):
    posts, root = posts_of_media([media / "p0.mp4", media / "p1.mp4"])
    assert extract(posts, root, tmp_path / "a", only=LIGHT).counts == {"ok": 2}
    lonely = extract(table(["x"], caption=["hi"]), None, tmp_path / "b", only=LIGHT)
    assert lonely.counts == {"no_media": 1}
    assert lonely.reasons == {"no_folder": 1}
    text = extract(table(["x"], caption=["hi"]), None, tmp_path / "c", only=["text_shape"])
    assert text.counts == {"ok": 1}


def test_extra_columns_count_only_when_declared(tmp_path):
    posts = table(["a", "b"], caption=["x", "y"])
    posts["extra.age"] = pd.array([3, None], dtype="Int64")
    posts["extra.leak"] = [1.0, 2.0]
    out = tmp_path / "f"
    off = [name for name, one in FEATURIZERS.items() if one.modality not in ("metadata", "text")]
    off += [n for n, one in FEATURIZERS.items() if one.modality == "text" and n != "text_shape"]
    extract(posts, None, out, switched_off=off, known={"extra.age": "asof"})
    frame = read_features(out).matrix.frame
    assert frame["extra__age"].tolist()[0] == 3
    assert np.isnan(frame["extra__age"].tolist()[1])
    assert "extra__leak" not in frame


def test_what_cannot_work_is_said(posts, media, tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        extract(posts, tmp_path / "nowhere", tmp_path / "f")
    with pytest.raises(InputError, match="no posts"):
        extract(posts.iloc[:0], media, tmp_path / "f")
    with pytest.raises(InputError, match="more than once"):
        extract(pd.concat([posts, posts]), media, tmp_path / "f")
    with pytest.raises(UsageError, match="nonsense"):
        extract(posts, media, tmp_path / "f", only=["nonsense"])
    with pytest.raises(UsageError, match="jobs"):
        extract(posts, media, tmp_path / "f", jobs=0)
    (tmp_path / "file").touch()
    with pytest.raises(StorageError):
        extract(posts, media, tmp_path / "file" / "f", only=LIGHT)


def test_all_posts_failing_is_a_result(tmp_path):
    folder = tmp_path / "media"
    folder.mkdir()
    for name in "abc":
        (folder / f"{name}.mp4").write_text("words")
    result = extract(table(list("abc")), folder, tmp_path / "f", only=LIGHT)
    assert result.counts == {"failed": 3}


def test_damaged_feature_folder_is_refused(posts, media, tmp_path):
    out = tmp_path / "f"
    extract(posts, media, out, only=["text_shape"])
    raw = bytearray((out / MATRIX).read_bytes())
    raw[len(raw) // 2] ^= 1
    (out / MATRIX).write_bytes(bytes(raw))
    with pytest.raises(StorageError, match="virality extract"):
        read_features(out)
    with pytest.raises(InputError, match="not a feature folder"):
        read_features(tmp_path)


def test_documentation_lists_every_reason_and_limit():
    text = (Path(__file__).parents[1] / "docs" / "extraction.md").read_text("utf-8")
    for reason, sentence in REASONS.items():
        assert not reason or f"| `{reason}` | {sentence} |" in text
    for field in fields(Limits):
        assert f"| `{field.name}` | {getattr(Limits(), field.name):,.0f} " in text


def test_columns_known_only_afterwards_come_when_asked_for_and_are_marked(tmp_path):
    posts = table(["a", "b"], caption=["x", "y"])
    posts["extra.leak"] = [1.0, 2.0]
    posts["extra.words"] = ["abc", None]
    posts["author_likes"] = pd.array([70, None], dtype="Int64")
    out = tmp_path / "f"
    kept = ("metadata_author", "metadata")
    off = [name for name in FEATURIZERS if not name.startswith(kept)]
    extract(posts, None, out, switched_off=off, late=True)
    matrix = read_features(out).matrix
    late = {name for name, column in matrix.columns.items() if column.known == "post"}
    assert late == {"extra__leak", "extra__words", "extra__author_likes"}
    assert matrix.frame["extra__leak"].tolist() == [1.0, 2.0]
    assert matrix.frame["extra__words"].tolist()[0] == 3
    assert matrix.frame["extra__author_likes"].tolist()[0] == 70
    assert matrix.frame[["extra__words", "extra__author_likes"]].iloc[1].isna().all()
    extract(posts, None, out, switched_off=off)
    assert not [one for one in read_features(out).matrix.columns.values() if one.known == "post"]
