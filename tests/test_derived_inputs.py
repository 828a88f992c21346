"""Caption terms and encoded categories: honest on training posts, kept in a bundle."""

import json
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pandas as pd
import pytest
from matrices import make_case
from test_bundle import _reseal

from virality.data.errors import BundleError
from virality.data.splits import folds_of_groups
from virality.modeling import bundle
from virality.modeling.blocks import BlockSpec
from virality.modeling.bundle import load_model, save_model
from virality.modeling.categories import Encoding, category_keys, fit_encoding
from virality.modeling.inputs import fit_projector, selected
from virality.modeling.manifest import ARRAYS
from virality.modeling.rows import arrange
from virality.modeling.terms import fit_terms, read_document, read_documents
from virality.modeling.train import train
from virality.modeling.tune import Tuning

WIDE = BlockSpec(dims=3, neighbours=5, terms=True, categories=True)


@lru_cache(maxsize=1)
def told():
    """Return a case whose captions, places and hashtags say something about the outcome."""
    matrix, posts = make_case(160)
    y = np.log10(1 + posts["views"].to_numpy(float))
    high = y > np.median(y)
    rng = np.random.default_rng(5)
    words = np.array(["cheese", "bread", "soup", "cake", "tea", "salt"])
    said = [
        " ".join([*rng.choice(words, 3), "amazing #yes" if up else "boring #no"]) for up in high
    ]
    posts = posts.assign(
        caption=pd.array(said, dtype="string"),
        location=pd.array(np.where(rng.random(160) < 0.5, "DE", "fr"), dtype="string"),
    )
    posts.loc[3, "caption"] = pd.NA
    posts.loc[4, "location"] = pd.NA
    return matrix, posts, y


@lru_cache(maxsize=1)
def model_of_terms():
    matrix, posts, _ = told()
    params = {"terms": True, "categories": True, "dims": 2}
    tuning = Tuning("views", params, 0.0, "", (), 0, len(posts))
    return train(matrix, posts, tuning=tuning)


def rows_of(posts, matrix):
    return arrange(matrix, posts, tuple(matrix.columns))


def test_the_encoding_is_the_shrunken_mean():
    keys = np.array(["a", "a", "b", "", "a"])
    y = np.array([1.0, 2.0, 5.0, 7.0, 3.0])
    encoding, honest = fit_encoding(keys, y, np.arange(5), strength=2.0)
    np.testing.assert_allclose(encoding.transform(np.array(["a", "b"])), [(6 + 7.2) / 5, 12.2 / 3])
    np.testing.assert_allclose(encoding.transform(np.array(["new"])), y.mean())
    assert np.isnan(encoding.transform(np.array([""]))).all()
    assert np.isnan(honest[3])
    np.testing.assert_allclose(honest[2], np.delete(y, 2).mean())


def test_honest_encodings_equal_fitting_again_without_each_fold():
    rng = np.random.default_rng(0)
    keys, group = rng.integers(0, 8, 120).astype(str), np.arange(120) // 3
    y = rng.normal(size=120)
    _, honest = fit_encoding(keys, y, group, strength=4.0)
    for split in folds_of_groups(group, 5, 0):
        again, _ = fit_encoding(keys[split.train], y[split.train], group[split.train], 4.0)
        np.testing.assert_allclose(honest[split.test], again.transform(keys[split.test]))


def test_categories_are_read_from_posts():
    posts = pd.DataFrame(
        {
            "id": ["1", "2", "3"],
            "location": ["DE", None, "de"],
            "hashtags": [("Cats", "dogs"), (), None],
            "sound_title": ["Song", None, None],
            "sound_author": ["Band", None, None],
        }
    )
    keys = category_keys(posts)
    assert keys["location"].tolist() == ["de", "", "de"]
    assert keys["first_hashtag"].tolist() == ["cats", "", ""]
    assert keys["sound"].tolist() == ["Song\x1fBand", "", ""]


def test_terms_are_found_again_in_new_texts():
    texts = ["a good day #sun", "a good night #moon", "a bad day #rain"] * 4
    documents = [read_document(text) for text in texts]
    terms = fit_terms([*documents, None])
    found = {one.kind: set(one.terms) for one in terms.vocabularies}
    assert {"good", "day", "good day"} <= found["words"]
    assert found["hashtags"] == {"sun", "moon", "rain"}
    one, none, other = terms.transform([documents[0], None, read_document("a good day #sun")])
    assert np.isnan(none).all()
    np.testing.assert_allclose(one, other)
    np.testing.assert_allclose(terms.transform([read_document("zzz qqq")]), 0.0)


@pytest.mark.parametrize("texts", [[], ["one", "two"], ["", "", ""]])
def test_nothing_in_common_makes_no_terms(texts):
    assert fit_terms([read_document(text) for text in texts]) is None


def test_hashtags_of_the_table_go_before_those_of_the_caption():
    posts = pd.DataFrame({"caption": ["x #One", "y #One", None], "hashtags": [("Two",), None, ()]})
    first, second, third = read_documents(posts)
    assert (first.hashtags, second.hashtags, third) == (("two",), ("one",), None)
    assert read_documents(posts.drop(columns="caption")) == [None] * 3


def test_inputs_hold_what_was_asked_for():
    matrix, posts, y = told()
    rows = rows_of(posts, matrix)
    _, wide = fit_projector(rows, y, WIDE)
    for spec in (WIDE, replace(WIDE, terms=False), replace(WIDE, categories=False, dims=1)):
        _, narrow = fit_projector(rows, y, spec)
        kept = selected(wide.columns, spec)
        assert [c for c, use in zip(wide.columns, kept, strict=True) if use] == list(narrow.columns)
        np.testing.assert_array_equal(wide.values[:, kept], narrow.values)


def test_terms_say_what_they_know_of_new_posts_and_nothing_of_missing_captions():
    matrix, posts, y = told()
    rows = rows_of(posts, matrix)
    old, new = np.arange(110), np.arange(110, 160)
    projector, inputs = fit_projector(rows.take(old), y[old], WIDE)
    fresh = projector.transform(rows.take(new))
    assert np.corrcoef(fresh.column("caption_terms#ridge"), y[new])[0, 1] > 0.6
    assert np.isnan(inputs.column("caption_terms#ridge")[3])
    assert np.isnan(inputs.column("category_outcomes#location")[4])
    bare = replace(rows.take(new), posts=rows.take(new).posts[["id"]])
    blank = projector.transform(bare)
    assert np.isnan(blank.column("caption_terms#ridge")).all()
    assert np.isnan(blank.column("category_outcomes#sound")).all()


def test_a_bundle_keeps_terms_and_categories(tmp_path, forget_bundles):
    matrix, posts, _ = told()
    model = model_of_terms()
    save_model(model, tmp_path / "model")
    forget_bundles()
    loaded = load_model(tmp_path / "model")
    one, other = model.predict(matrix, posts), loaded.predict(matrix, posts)
    np.testing.assert_array_equal(one.mean, other.mean)
    parts = loaded.contributions(matrix, posts).frame
    assert {"caption_terms", "category_outcomes"} <= set(parts.columns)
    assert parts["caption_terms"].abs().max() > 0


def spoil(folder, change):
    with np.load(folder / ARRAYS) as stored:
        arrays = {name: stored[name] for name in stored.files}
    change(arrays)
    (folder / ARRAYS).write_bytes(bundle._packed(arrays))


@pytest.mark.parametrize(
    "name",
    ["terms_words", "terms_words_weights", "terms_axes", "category_sound", "category_sound_means"],
)
@pytest.mark.parametrize("change", ["shorter", "turned", "gone", "nan"])
def test_altered_vocabularies_are_refused(tmp_path, name, change):
    if change in ("turned", "nan") and name not in ("terms_words", "category_sound"):
        change = "gone"
    save_model(model_of_terms(), tmp_path / "model")

    def alter(arrays):
        if change == "gone":
            del arrays[name]
        elif change == "nan":
            arrays[name] = np.full(arrays[name].shape, np.nan)
        else:
            arrays[name] = arrays[name][:-1] if change == "shorter" else arrays[name][::-1]

    spoil(tmp_path / "model", alter)
    _reseal(tmp_path / "model")
    with pytest.raises(BundleError):
        load_model(tmp_path / "model")


@pytest.mark.parametrize(
    "change",
    [
        lambda facts: facts.update(terms=["words", "words"]),
        lambda facts: facts.update(terms=["spells"]),
        lambda facts: facts.update(terms=[]),
        lambda facts: facts.update(categories={}),
        lambda facts: facts.update(categories={"shoe": 1.0}),
    ],
)
def test_altered_facts_are_refused(tmp_path, change):
    save_model(model_of_terms(), tmp_path / "model")
    _reseal(tmp_path / "model", change)
    with pytest.raises(BundleError):
        load_model(tmp_path / "model")


def test_the_recipe_survives_its_json():
    recipe = model_of_terms().recipe
    assert recipe.terms
    assert type(recipe).from_json(json.loads(json.dumps(recipe.as_json()))) == recipe


def test_an_encoding_without_values_knows_the_level_only():
    empty = Encoding(np.zeros(0, dtype=np.str_), np.zeros(0), 2.0)
    np.testing.assert_array_equal(empty.transform(np.array(["a"])), [2.0])
