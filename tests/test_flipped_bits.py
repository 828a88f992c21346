"""A bit flipped in any kind of stored file is noticed, with the right exit code, and mended."""

import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from light_extraction import make_media, make_posts, table_sha256
from matrices import make_case, small_model

from virality.data.cache import find_cache
from virality.data.decode import Limits
from virality.data.errors import BundleError, StorageError, ViralityError
from virality.data.features import MANIFEST, MATRIX, POSTS, STATUS, read_features
from virality.data.store import parse
from virality.data.table import read_posts, write_posts
from virality.featurizers.extract import extract
from virality.featurizers.frames_export import load_picture_model
from virality.modeling.bundle import load_model, save_model
from virality.modeling.tune import read_tuning, tune

LIGHT = ("text_shape", "stream_container", "audio_loudness")
PATIENT = Limits(wall_s=300)
"""No clip here is late, however busy the machine: a run that calls one so is no reference."""


def flip(path: Path, dice: random.Random, low: float = 0.0) -> str:
    """Flip one bit of a file somewhere after a share of it; say which."""
    raw = bytearray(path.read_bytes())
    place, bit = dice.randrange(int(low * len(raw)), len(raw)), dice.randrange(8)
    raw[place] ^= 1 << bit
    path.write_bytes(bytes(raw))
    return f"{path.name}: bit {bit} of byte {place}"


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_media(tmp_path_factory.mktemp("media") / "media")


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory, media: Path) -> Path:
    out = tmp_path_factory.mktemp("calm") / "features"
    extract(make_posts(), media, out, only=LIGHT, limits=PATIENT)
    return out


def seeds(few: int, many: int) -> list[object]:
    marks = pytest.mark.nightly
    return [*range(few), *(pytest.param(seed, marks=marks) for seed in range(few, many))]


@pytest.mark.parametrize("name", [MATRIX, POSTS, STATUS, MANIFEST])
@pytest.mark.parametrize("seed", seeds(2, 50))
def test_a_flip_in_a_feature_folder_is_refused(calm, tmp_path, name, seed):
    out = tmp_path / "f"
    shutil.copytree(calm, out)
    for number in range(10):
        shutil.copy(calm / name, out / name)
        where = flip(out / name, random.Random(10 * seed + number))
        with pytest.raises(StorageError, match="virality extract"):
            pytest.fail(f"{where}: {read_features(out)}")


@pytest.mark.parametrize("name", [MATRIX, POSTS, STATUS, MANIFEST, ""])
def test_a_flip_is_mended_by_extracting_again(calm, media, tmp_path, name):
    out = tmp_path / "f"
    shutil.copytree(calm, out)
    for number, path in enumerate([out / name] if name else sorted((out / "rows").iterdir())):
        flip(path, random.Random(number))
    again = extract(make_posts(), media, out, only=LIGHT, limits=PATIENT)
    assert table_sha256(out) == table_sha256(calm)
    assert (again.computed > 0) == (name == ""), "rows are computed again, files only written"
    assert len(read_features(out).status) == len(make_posts())


@pytest.mark.parametrize("seed", seeds(3, 60))
def test_a_flip_in_a_row_file_is_noticed_and_what_it_cost_computed_again(
    calm, media, tmp_path, seed
):
    out, dice = tmp_path / "f", random.Random(seed)
    shutil.copytree(calm, out)
    struck = dice.choice(sorted((out / "rows").iterdir()))
    where, damaged = flip(struck, dice), struck.read_bytes()
    again = extract(make_posts(), media, out, only=LIGHT, limits=PATIENT)
    # Nothing is computed where the bit is in a record that this run does not need.
    assert again.computed + again.reused == 12
    kept = [path.read_bytes() for path in (out / "rows").iterdir()]
    assert damaged not in kept, f"{where} went unnoticed"
    assert all(parse(content)[1] for content in kept)
    assert table_sha256(out) == table_sha256(calm), where


def test_the_command_says_5_and_names_the_file(calm, tmp_path):
    out = tmp_path / "f"
    shutil.copytree(calm, out)
    flip(out / MATRIX, random.Random(0))
    run = subprocess.run(
        [sys.executable, "-m", "virality", "status", str(out)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == StorageError.exit_code
    assert MATRIX in run.stderr
    assert "virality extract" in run.stderr


def every_flip_is_refused(path: Path, read: Callable[[], object], kind, seed: int, count: int):
    content = path.read_bytes()
    for number in range(count):
        where = flip(path, random.Random(1000 * seed + number))
        refused: ViralityError | None = None
        try:
            read()
        except kind as error:
            refused = error
        path.write_bytes(content)
        assert refused is not None, f"{where} went unnoticed"
        assert path.name in str(refused) or path.parent.name in str(refused)


@pytest.mark.parametrize("seed", seeds(1, 20))
def test_a_flip_in_a_posts_table_is_refused_or_changes_nothing(tmp_path, seed):
    path = tmp_path / "posts.parquet"
    write_posts(make_posts(), path)
    content, whole = path.read_bytes(), read_posts(path)
    for number in range(20):
        where = flip(path, random.Random(1000 * seed + number))
        try:
            found = read_posts(path)
        except ViralityError as error:
            found = whole if path.name in str(error) else whole.iloc[:0]
        path.write_bytes(content)
        assert found.equals(whole), f"{where} went unnoticed"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("study") / "study.log"
    tune(*make_case(80), trials=2, study=path)
    return path


@pytest.mark.parametrize("seed", seeds(1, 30))
def test_a_flip_in_a_study_is_refused(study, tmp_path, seed):
    path = tmp_path / "study.log"
    path.write_bytes(content := study.read_bytes())
    whole = read_tuning(path).trials
    for number in range(10):
        where = flip(path, random.Random(1000 * seed + number))
        if not path.read_bytes().endswith(b"\n"):  # as if a kill had torn the last line
            assert read_tuning(path).trials == whole[:-1], where
        else:
            with pytest.raises(StorageError, match=r"study\.log"):
                pytest.fail(f"{where}: {read_tuning(path)}")
        path.write_bytes(content)


def test_what_is_written_after_a_torn_line_is_read(study, tmp_path):
    path = tmp_path / "study.log"
    path.write_bytes(study.read_bytes() + b'{"op_code": 5, "worker_id": "x", "tri')
    tune(*make_case(80), trials=3, study=path)
    assert len(read_tuning(path).trials) == 3


def test_a_text_given_as_a_study_is_left_alone(tmp_path):
    path = tmp_path / "thesis.txt"
    path.write_text("years of work")
    with pytest.raises(StorageError, match="not a study"):
        tune(*make_case(80), trials=1, study=path)
    assert path.read_text() == "years of work"


@pytest.mark.parametrize("seed", seeds(1, 30))
def test_a_flip_in_a_model_is_refused(tmp_path, seed):
    save_model(small_model(), tmp_path / "model")
    for path in sorted((tmp_path / "model").iterdir()):
        every_flip_is_refused(path, lambda: load_model(tmp_path / "model"), BundleError, seed, 3)


def test_a_flip_in_the_cached_encoder_is_noticed_and_it_is_exported_again(tmp_path, monkeypatch):
    load_picture_model()  # the user's cache has it now
    (cached,) = list(find_cache().glob("efficientnet-lite0-*.onnx"))[:1]
    exported = []

    def export(folder: Path) -> bytes:
        exported.append(folder)
        return b"exported anew"

    monkeypatch.setattr("virality.featurizers.frames_export._export_into", export)
    shutil.copy(cached, tmp_path / cached.name)
    assert load_picture_model(tmp_path) == cached.read_bytes()
    flip(tmp_path / cached.name, random.Random(0))
    assert load_picture_model(tmp_path) == b"exported anew"
    assert exported == [tmp_path]
