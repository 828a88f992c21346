"""A report holds what modeling returned, says it plainly, and takes whatever there is."""

import json
import math
from dataclasses import replace
from functools import cache
from hashlib import sha256
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from report_case import case, make_features, make_tuning

from virality.data.errors import InputError
from virality.data.features import Features, read_features, write_features
from virality.featurizers import FEATURIZERS
from virality.featurizers.extras import EXTRAS
from virality.featurizers.text_embedding import DEFAULT_ENCODER
from virality.featurizers.text_language import LANGUAGES
from virality.modeling.bundle import bundle_hash, load_model, save_model
from virality.modeling.metrics import Metric, ranked_rightly
from virality.modeling.train import LICENCES as CARD_LICENCES
from virality.modeling.train import train
from virality.reports.belief import believe
from virality.reports.drawing import Panel
from virality.reports.explain import family_label
from virality.reports.figures import figures_of
from virality.reports.making import (
    ENCODER,
    EXTRA_MAKERS,
    FROM_MEDIA,
    FROM_POSTS,
    MAKERS,
    commands,
    study_of,
)
from virality.reports.render import render
from virality.reports.report import Report
from virality.reports.scales import Scale, effect_values, effect_words, y_axis
from virality.reports.strings import say
from virality.reports.summarize import summarize
from virality.reports.tables import tables_of

pytestmark = pytest.mark.usefixtures("light_recipes")


@cache
def full() -> Report:
    model, features, judged = case()
    return summarize(model, features, judged, make_tuning())


def test_the_headline_follows_the_most_honest_split() -> None:
    report = full()
    assert [one.split for one in report.belief.splits] == ["temporal", "author", "random"]
    assert report.belief.headline.startswith("Yes, within limits: on the newest posts")
    assert not report.belief.alarms
    assert "within a factor of" in report.belief.sentences[0]
    assert "times in 100" in report.belief.sentences[1]


def test_numbers_in_words_are_those_of_the_evaluation() -> None:
    _, _, judged = case()
    report = full()
    one = judged[0]
    width = np.median(np.abs(np.asarray(one.actual) - np.asarray(one.mean)))
    assert f"{10**width:.1f}" in report.belief.sentences[0]
    pairs = 100 * ranked_rightly(np.asarray(one.actual), np.asarray(one.mean))
    assert f"rightly {pairs:.0f} times" in report.belief.sentences[1]
    assert f"does {100 * one.pairs['author_median']:.0f}" in report.belief.sentences[1]
    shown = report.belief.splits[0].scores[0].metrics["spearman"]
    assert shown.value == one.metrics["spearman"].value


def test_scores_of_a_logarithm_are_said_to_be_of_it() -> None:
    said = say("text.log_scores", unit="views")
    assert said in unescape(render(full()))
    model, features, judged = case(log=False)
    assert "a mean error of 0.3" not in render(summarize(model, features, judged, None))


def test_the_drivers_say_by_which_clock_hours_are() -> None:
    assert say("clock.mixed") in full().explained.sentences


def test_pairs_are_counted_one_by_one() -> None:
    draw = np.random.default_rng(0)
    for step in (0.0, 0.5):  # without ties, and with
        a = draw.normal(size=300)
        b = a + draw.normal(size=300)
        if step:
            a, b = np.round(a / step), np.round(b / step)
        first, second = np.triu_indices(300, 1)
        real, said = np.sign(a[first] - a[second]), np.sign(b[first] - b[second])
        apart = real != 0
        right = np.mean(np.where(said == 0, 0.5, said == real)[apart])
        assert ranked_rightly(a, b) == pytest.approx(right, abs=1e-12)
    assert ranked_rightly(a, np.zeros(300)) == 0.5
    assert math.isnan(ranked_rightly(np.zeros(300), a))


@pytest.mark.parametrize("kept", [(0,), (0, 1, 2)])
def test_the_gap_compares_rank_correlations_and_not_pairs(kept: tuple[int, ...]) -> None:
    model, _, judged = case()
    rank, random = (judged[i].metrics["spearman"].value for i in (0, 2))
    # Far from the share of pairs, so that the two cannot be mistaken for one another.
    gap = {**judged[0].optimism_gap, "spearman": random - rank + 0.3}
    low = {**judged[0].metrics, "spearman": Metric(rank - 0.3, rank - 0.4, rank - 0.2)}
    honest = replace(judged[0], metrics=low, optimism_gap=gap)
    told = believe([honest if i == 0 else judged[i] for i in kept], model.target).gap
    assert f"Rank correlation {random:.2f} there, {rank - 0.3:.2f} on" in told
    assert f": {random - rank + 0.3:.2f} of it" in told


def test_a_model_that_loses_to_a_baseline_gets_the_red_box() -> None:
    model, _, judged = case()
    worse = Metric(-0.1, -0.2, -0.05)
    lost = replace(judged[0], differences={**judged[0].differences, "author_median": worse})
    belief = believe([lost], model.target)
    assert belief.headline.startswith("No:")
    assert len(belief.alarms) == 1
    assert "author's own median" in belief.alarms[0]


def test_a_lead_within_chance_is_said_to_be_so() -> None:
    model, _, judged = case()
    unsure = {"constant": Metric(0.02, -0.01, 0.05)}
    belief = believe([replace(judged[0], differences=unsure)], model.target)
    assert belief.headline.startswith("Only partly")
    assert any("may be chance" in one for one in belief.cautions)


@pytest.mark.parametrize("kept", [(), (0,), (1,), (2,), (0, 2), (1, 0)])
def test_any_mix_of_evaluations_makes_a_report(kept: tuple[int, ...]) -> None:
    model, features, judged = case()
    report = summarize(model, features, [judged[i] for i in kept], None)
    assert report.making.study is None
    assert len(report.belief.splits) == len(kept)
    assert len(report.posts) == 5
    json.loads(report.to_json())
    if not kept:
        assert "has not been judged" in report.belief.headline


def test_posts_without_outcome_author_and_time_are_explained() -> None:
    model, features, _ = case()
    posts = features.posts[["id"]].copy()
    report = summarize(model, replace(features, posts=posts), (), None)
    assert report.data.labelled == 0
    assert report.data.authors is None
    assert all(one.actual is None for one in report.posts)
    assert "No author is known" in " ".join(report.data.sentences)


def test_a_score_that_is_no_logarithm_is_never_a_factor() -> None:
    model, features, judged = case(log=False)
    report = summarize(model, features, judged, None)
    words = " ".join(
        [*report.belief.sentences, *(one.sentence for one in report.explained.dependences)]
        + [reason.sentence for post in report.posts for reason in (*post.up, *post.down)]
        + [sentence for fit in report.fits for sentence in fit.sentences]
        + [miss.sentence for fit in report.fits for miss in fit.misses]
    )
    assert "factor" not in words
    assert "times 1" not in words
    assert "divided by" not in words
    assert "factor" not in report.belief.splits[0].scores[0].metrics


def test_metadata_alone_and_few_posts_are_enough() -> None:
    features = make_features(40, authors=False, times=False)
    names = [n for n, c in features.matrix.columns.items() if c.modality == "metadata"]
    few = Features(features.matrix.select(names), features.posts, features.status)
    model = train(few.matrix, few.posts)
    report = summarize(model, few, (), None)
    assert {one.modality for one in report.explained.modalities} <= {"metadata", "history"}
    assert report.subject.first is None


def test_no_posts_is_one_clear_sentence() -> None:
    model, features, _ = case()
    empty = Features(features.matrix.rows([]), features.posts.iloc[:0], features.status.iloc[:0])
    with pytest.raises(InputError, match="no posts"):
        summarize(model, empty, (), None)


def test_contributions_add_up_in_every_story() -> None:
    model, _, _ = case()
    for post in full().posts:
        units = float(model.target.to_units(post.steps[-1].total))
        assert units == pytest.approx(post.predicted, rel=1e-6)


def test_single_posts_say_what_was_predicted_unseen() -> None:
    stories = full().posts
    assert all(one.unseen is not None and one.actual is not None for one in stories)
    assert len({one.id for one in stories}) == 5


def test_planted_drivers_and_decoys_get_their_rank() -> None:
    model, features, _ = case()
    truth = {
        "rule": "cuts and {braces}",
        "planted": {"cuts_per_second": ["frames_motion__cut_rate"]},
        "decoy": ["frames_layout__sharpness", "no__such"],
        "noise_sd": 0.25,
    }
    synthetic = summarize(model, features, (), None, synthetic=truth).synthetic
    assert synthetic is not None
    ranks = {one.feature: (one.role, one.rank) for one in synthetic.planted}
    assert ranks["cuts_per_second"] == ("driver", 1)
    assert ranks["no__such"] == ("decoy", None)
    assert ranks["frames_layout__sharpness"][0] == "decoy"


def test_a_study_is_told_with_the_best_so_far() -> None:
    study = study_of(make_tuning(30))
    bests = [one.best for one in study.trials if one.best is not None]
    assert bests == sorted(bests, reverse=True)
    assert study.best == pytest.approx(bests[-1])
    assert len(study_of(make_tuning(5000)).trials) <= 1000


def test_the_twin_is_plain_and_the_same_every_time() -> None:
    text = full().to_json()
    assert text == full().to_json()
    assert text.isascii()
    values = json.loads(text)
    assert values["belief"]["splits"][0]["scores"][0]["name"] == "model"

    def finite(value: object) -> bool:
        if isinstance(value, dict):
            return all(finite(one) for one in value.values())
        if isinstance(value, list):
            return all(finite(one) for one in value)
        return not isinstance(value, float) or math.isfinite(value)

    assert finite(values)


def test_commands_to_repeat_it_name_seed_and_target() -> None:
    told = full().making.commands
    assert any("virality train features" in one and "--seed 0" in one for one in told)
    assert told[-1].startswith("virality report model features")


def test_bundle_and_features_are_named_by_their_hashes(tmp_path: Path) -> None:
    model, features, judged = case()
    save_model(model, tmp_path / "model")
    write_features(tmp_path / "features", features)
    read = read_features(tmp_path / "features")
    kept = load_model(tmp_path / "model")
    report = summarize(kept, read, judged, None)
    files = ("model/model.json", "features/matrix.parquet", "features/posts.parquet")
    told = {name: sha256((tmp_path / name).read_bytes()).hexdigest() for name in files}
    assert report.making.hashes == told
    assert bundle_hash(tmp_path / "model") == told["model/model.json"]
    page, tables = render(report), tables_of(report)
    assert all(f"<dd>{mark}</dd>" in page for mark in told.values())
    assert {row["name"]: row["value"] for row in tables["hashes"]} == told
    assert full().making.hashes == {"model/model.json": told["model/model.json"]}


def told_commands(**changes: object) -> tuple[str, ...]:
    model, _, _ = case()
    card = replace(model.card, **{"tuned": False, "views": 0, **changes})
    return commands(replace(model, card=card), None, (), 0)


def test_commands_ask_for_clips_only_where_clips_were_read() -> None:
    words = told_commands(features_by_modality={"text": 3, "metadata": 2}, featurizers={})
    assert words[0] == "virality extract posts.parquet -o features"
    words = told_commands(features_by_modality={"metadata": 2}, featurizers={})
    assert words[0] == "virality extract posts.parquet --only metadata -o features"
    every = {"text": 3, "metadata": 2, "audio": 4, "frames": 5, "stream": 1}
    words = told_commands(features_by_modality=every, featurizers={}, views=2)
    assert words[0] == "virality extract posts.parquet --media clips --views 2 -o features"


def test_commands_ask_for_the_featurizers_that_were_run() -> None:
    made = [*(f"metadata_{name}" for name in MAKERS["metadata"]), "text_shape"]
    few = {"text": 3, "metadata": 2}
    words = told_commands(features_by_modality=few, featurizers=dict.fromkeys(made, "1"))
    assert words[0] == "virality extract posts.parquet --only text_shape,metadata -o features"
    whole = [*made, *(f"text_{name}" for name in MAKERS["text"])]
    words = told_commands(features_by_modality=few, featurizers=dict.fromkeys(whole, "1"))
    assert words[0] == "virality extract posts.parquet -o features"
    assert {f"{part}_{name}" for part, names in MAKERS.items() for name in names} == {*FEATURIZERS}


def test_commands_ask_for_the_libraries_that_the_study_was_told_to_try() -> None:
    model, _, _ = case()
    tuned = replace(model, card=replace(model.card, tuned=True))
    tuning = replace(make_tuning(), libraries=("lightgbm",))
    assert "--libraries lightgbm" in commands(tuned, tuning, (), 0)[1]
    assert "--libraries" not in " ".join(commands(tuned, make_tuning(), (), 0))
    told = replace(model, card=replace(tuned.card, tried_libraries=("xgboost",)))
    assert "--libraries xgboost --seed" in commands(told, None, (), 0)[1]


def test_known_authors_weights_stand_beside_those_of_others() -> None:
    report = full()
    same = replace(
        report.making, weights=tuple(replace(w, known=w.weight) for w in report.making.weights)
    )
    apart = replace(same, weights=tuple(replace(w, known=w.weight / 2) for w in same.weights))
    keys = [
        {figure.key for figure in figures_of(replace(report, making=one))} for one in (same, apart)
    ]
    assert "weights" in keys[0]
    assert {"weights_new", "weights_known"} <= keys[1] - keys[0]
    page = render(replace(report, making=apart))
    assert "Weights of the stack: known authors" in page
    card = case()[0].card
    told = {one.name: one.known for one in report.making.weights}
    assert told == dict(card.weights_known_authors)


def test_commands_name_the_encoder_extras_and_what_was_asked_of_the_study() -> None:
    made = {
        **{f"text_{name}": "1" for name in MAKERS["text"]},
        "text_embedding": "1+minilm+0123abcd",
        "frames_faces": "1",
        "audio_transcript_shape": "1",
    }
    few = {"text": 3, "metadata": 2, "audio": 4, "frames": 5}
    words = told_commands(features_by_modality=few, featurizers=made)
    assert "--media clips --only text,metadata,audio,frames " in words[0]
    assert "--with transcript,faces --encoder minilm" in words[0]
    assert words[1].startswith("virality train features --target views --seed")
    model, _, _ = case()
    late = {name: replace(one, known="post") for name, one in model.columns.items()}
    card = replace(model.card, tuned=True, trials=7)
    tuning = replace(make_tuning(), measure="mae", raw=True)
    words = commands(replace(model, card=card, columns=late), tuning, (), 3)
    assert "--allow-post" in words[0]
    assert "--trials 7 --metric mae --raw --allow-post" in words[1]
    assert "--study study.log --allow-post" in words[2]


def test_the_usual_encoder_and_the_extras_are_those_of_extraction() -> None:
    assert ENCODER == DEFAULT_ENCODER
    assert set(EXTRA_MAKERS) == set(EXTRAS)
    for name, extra in EXTRAS.items():
        assert all(maker.startswith(EXTRA_MAKERS[name]) for maker in extra.featurizers)
    assert {one.columns[0].modality for one in FEATURIZERS.values()} == {*FROM_POSTS, *FROM_MEDIA}


def test_a_family_of_languages_is_not_named_after_one_of_them() -> None:
    model, features, _ = case()
    told = model.contributions(features.matrix, features.posts)
    first, *others = told.frame.columns
    languages = ("text_language__pt_probability", "text_language__sw_probability")
    columns = {**told.columns, languages[0]: told.columns[first]}
    values = told.values.assign(**{languages[0]: 0.5})
    family = replace(told, columns=columns, values=values, members={languages[0]: languages})
    assert family_label(family, languages[0]) == "language of the words"
    mixed = replace(family, members={languages[0]: (languages[0], others[0])})
    assert "language of the words" not in family_label(mixed, languages[0])


def test_two_families_of_languages_are_told_apart() -> None:
    model, features, _ = case()
    told = model.contributions(features.matrix, features.posts)
    first = told.frame.columns[0]
    families = {
        "text_language__pt_probability": ("es", "it", "fr"),
        "text_language__de_probability": ("other",),
        "audio_transcript_language__pt_probability": ("es",),
    }
    members = {
        lead: (lead, *(f"{lead.partition('__')[0]}__{one}_probability" for one in more))
        for lead, more in families.items()
    }
    columns = {**told.columns, **dict.fromkeys(families, told.columns[first])}
    values = told.values.assign(**dict.fromkeys(families, 0.5))
    family = replace(told, columns=columns, values=values, members=members)
    assert [family_label(family, lead) for lead in families] == [
        "language of the words (Portuguese, Spanish, Italian, and 1 more)",
        "language of the words (German, any other)",
        "language of what is said",
    ]
    assert {code: say(f"language.{code}") for code in LANGUAGES} == dict(LANGUAGES)


def test_research_only_parts_are_named() -> None:
    model, features, _ = case()
    card = replace(model.card, featurizers={**model.card.featurizers, "audio_voice": "1"})
    report = summarize(replace(model, card=card), features, (), None)
    assert any("openSMILE" in one for one in report.making.licences)


def test_a_gap_that_no_digit_shows_is_no_flattery() -> None:
    tuning = replace(make_tuning(), value=0.35600, nested=0.35601)
    told = study_of(tuning).optimism
    assert "flatters nothing" in told
    assert "0.0 %" not in told


def test_a_licence_is_told_once() -> None:
    model, features, _ = case()
    card = replace(
        model.card,
        featurizers={**model.card.featurizers, "audio_voice": "1"},
        licences=(CARD_LICENCES["audio_voice"], "another one"),
    )
    told = summarize(replace(model, card=card), features, (), None).making.licences
    assert sum("openSMILE" in one for one in told) == 1
    assert "another one" in told


def test_factors_are_written_out_and_ticks_stand_evenly() -> None:
    assert [effect_words(one, True) for one in (-2.0, 3.0, 5.0)] == ["÷ 100", "× 1000", "× 100 k"]
    assert effect_words(-1e-5, True) == "× 1"
    scale = Scale(-0.4, 0.4)
    axis = y_axis(scale, "", effect_values(scale, True), lambda one: effect_words(one, True), 170.0)
    names = [tick.text for tick in axis.ticks]
    above = [name.removeprefix("× ") for name in names if name.startswith("×")]
    below = [name.removeprefix("÷ ") for name in names if name.startswith("÷")]
    assert above == ["1", *reversed(below)]


def test_one_trial_is_no_history_and_a_score_is_no_factor() -> None:
    model, features, judged = case(log=False)
    report = summarize(model, features, judged, make_tuning(1))
    drawn = {figure.key: figure for figure in figures_of(report)}
    assert "study" not in drawn
    assert "doubles" not in drawn["features"].reads
    report = summarize(model, features, judged, make_tuning(3))
    (study,) = (figure for figure in figures_of(report) if figure.key == "study")
    assert isinstance(study.plot, Panel)
    assert [tick.text for tick in study.plot.x.ticks] == ["0", "1"]
