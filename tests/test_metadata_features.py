from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from virality.data.post import SCHEMA, Post
from virality.data.time_zone import MAIN_ZONES, OTHER_NAMES, find_zone
from virality.featurizers import FEATURIZERS
from virality.featurizers.metadata_author import MetadataAuthor
from virality.featurizers.metadata_format import MetadataFormat
from virality.featurizers.metadata_hashtag import DISCOVERY_TAGS, MetadataHashtag
from virality.featurizers.metadata_sound import MetadataSound
from virality.featurizers.metadata_time import MetadataTime


def measure(featurizer, **facts):
    names = [column.name for column in featurizer.columns]
    values = featurizer.extract([Post(id="1", **facts)])[0].tolist()
    return dict(zip(names, values, strict=True))


SATURDAY_EVENING = datetime(2024, 2, 3, 18, 30, tzinfo=UTC)


def test_a_time_without_a_place_is_utc():
    values = measure(MetadataTime(), posted_at=SATURDAY_EVENING)
    assert values["hour"] == 18.5
    assert values["weekday"] == 5
    assert values["is_weekend"] == 1
    assert values["is_local"] == 0


@pytest.mark.parametrize(
    ("location", "hour", "weekday"),
    [
        ("VN", 1.5, 6),
        ("vietnam", 1.5, 6),
        ("US", 13.5, 5),
        ("United Kingdom", 18.5, 5),
        ("IN", 0.0, 6),
        ("NP", 0.25, 6),
        ("AU", 5.5, 6),
    ],
)
def test_a_country_sets_the_clock(location, hour, weekday):
    values = measure(MetadataTime(), posted_at=SATURDAY_EVENING, location=location)
    assert values["hour"] == hour
    assert values["weekday"] == weekday
    assert values["is_local"] == 1


def test_summer_time_counts():
    summer = datetime(2024, 7, 1, 18, 30, tzinfo=UTC)
    assert measure(MetadataTime(), posted_at=summer, location="DE")["hour"] == 20.5
    assert measure(MetadataTime(), posted_at=SATURDAY_EVENING, location="DE")["hour"] == 19.5


def test_the_same_moment_in_another_zone_is_the_same():
    moved = SATURDAY_EVENING.astimezone(timezone(timedelta(hours=9)))
    assert measure(MetadataTime(), posted_at=moved) == measure(
        MetadataTime(), posted_at=SATURDAY_EVENING
    )
    naive = SATURDAY_EVENING.replace(tzinfo=None)
    assert measure(MetadataTime(), posted_at=naive)["hour"] == 18.5


def test_midnight_and_new_year_join_up():
    before = measure(MetadataTime(), posted_at=datetime(2023, 12, 31, 23, 59, 59, tzinfo=UTC))
    after = measure(MetadataTime(), posted_at=datetime(2024, 1, 1, tzinfo=UTC))
    for name in ("hour_sin", "hour_cos", "weekday_sin", "weekday_cos", "season_sin", "season_cos"):
        assert before[name] == pytest.approx(after[name], abs=0.02)
    assert after["hour_cos"] == after["weekday_cos"] == after["season_cos"] == 1


@given(st.datetimes(timezones=st.just(UTC)), st.sampled_from([None, "VN", "US", "NZ", "nowhere"]))
def test_any_time_has_features(moment, location):
    values = measure(MetadataTime(), posted_at=moment, location=location)
    assert 0 <= values["hour"] < 24
    assert values["hour_sin"] ** 2 + values["hour_cos"] ** 2 == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("code", [*MAIN_ZONES, *OTHER_NAMES, "FR", "JP", "ZA", "PH"])
def test_every_listed_country_has_a_zone(code):
    assert find_zone(code) is not None


@pytest.mark.parametrize(
    ("place", "zone"),
    [
        ("Türkiye", "Europe/Istanbul"),
        ("Việt Nam", "Asia/Ho_Chi_Minh"),
        ("Côte d'Ivoire", "Africa/Abidjan"),
        ("Ivory Coast", "Africa/Abidjan"),
        ("Bosnia and Herzegovina", "Europe/Sarajevo"),
        ("Trinidad & Tobago", "America/Port_of_Spain"),
        ("Saint Lucia", "America/St_Lucia"),
        ("St. Lucia", "America/St_Lucia"),
        ("myanmar", "Asia/Yangon"),
        ("Myanmar (Burma)", "Asia/Yangon"),
        ("Russian Federation", "Europe/Moscow"),
        ("Samoa", "Pacific/Apia"),
    ],
)
def test_a_country_is_known_by_any_spelling_of_its_name(place, zone):
    found = find_zone(place)
    assert found is not None
    assert found.key == zone


@pytest.mark.parametrize("place", ["Korea", "Congo", "Virgin Islands", "Georgia on my mind"])
def test_a_name_of_two_countries_is_none(place):
    assert find_zone(place) is None


@pytest.mark.parametrize("place", [None, "", "  ", "Atlantis", "XX", "../../etc/passwd"])
def test_other_places_have_none(place):
    assert find_zone(place) is None


def test_the_author():
    values = measure(
        MetadataAuthor(),
        author_followers=999,
        author_following=9,
        author_posts=99,
        author_verified=True,
    )
    assert values == pytest.approx(
        {
            "followers_log10": 3,
            "following_log10": 1,
            "posts_log10": 2,
            "popularity_log10": 2,
            "yield_log10": 1,
            "is_verified": 1,
        }
    )
    assert np.isnan(list(measure(MetadataAuthor(), author_followers=-1).values())).all()


def test_the_sound():
    values = measure(
        MetadataSound(),
        author_id="a",
        sound_author="a",
        sound_original=False,
        sound_title=" Slowed Song ",
        sound_uses=99,
    )
    assert values == pytest.approx(
        {
            "is_original": 0,
            "uses_log10": 2,
            "has_title": 1,
            "title_length": 11,
            "title_words": 2,
            "is_remix": 1,
            "is_own": 1,
        }
    )
    assert np.isnan(list(measure(MetadataSound()).values())).all()
    assert measure(MetadataSound(), sound_title="")["has_title"] == 0


def test_hashtags():
    values = measure(MetadataHashtag(), hashtags=("FYP", "#pho", "Pho", ""), mentions=("anna",))
    assert values == pytest.approx(
        {
            "count": 3,
            "distinct": 2,
            "discovery": 1,
            "discovery_share": 1 / 3,
            "topics": 1,
            "length_mean": 3,
            "length_longest": 3,
            "mentions": 1,
        }
    )


def test_no_hashtags_are_not_unknown_hashtags():
    none = measure(MetadataHashtag(), hashtags=(), mentions=())
    assert none["count"] == none["mentions"] == none["topics"] == 0
    assert np.isnan(none["discovery_share"])
    assert np.isnan(list(measure(MetadataHashtag()).values())).all()


def test_discovery_tags_are_written_as_they_are_compared():
    assert all(tag == tag.casefold() for tag in DISCOVERY_TAGS)


def test_the_format():
    values = measure(
        MetadataFormat(), duration_s=10.0, width=720, height=1280, caption=" ", location="VN"
    )
    assert values == pytest.approx(
        {
            "duration_s": 10,
            "duration_log10": 1,
            "is_photo": 0,
            "width_px": 720,
            "height_px": 1280,
            "shape_ratio": 0.5625,
            "is_upright": 1,
            "short_side_px": 720,
            "has_caption": 0,
            "has_location": 1,
        }
    )


@pytest.mark.parametrize("duration_s", [None, float("nan"), float("inf"), -1.0])
def test_a_length_that_cannot_be_is_unknown(duration_s):
    values = measure(MetadataFormat(), duration_s=duration_s, width=0, height=10)
    assert np.isnan(list(values.values())).all()


def test_a_photo_post_has_no_length():
    values = measure(MetadataFormat(), duration_s=0.0)
    assert values["is_photo"] == 1
    assert np.isnan(values["duration_s"])


def test_what_grows_after_posting_is_marked():
    asof = {
        column.under(name).name
        for name, featurizer in FEATURIZERS.items()
        for column in featurizer.columns
        if column.known == "asof"
    }
    authors = {f"metadata_author__{column.name}" for column in MetadataAuthor().columns}
    assert asof == authors | {"metadata_sound__uses_log10"}
    assert {field.known for field in SCHEMA.values() if field.name.startswith("author_")} <= {
        *("pre", "asof", "post")
    }
