import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from virality.data.splits import Split
from virality.modeling.intervals import (
    BELIEF_POSTS,
    EXPONENTS,
    FARS,
    _far,
    _near,
    calibrate,
    conformal_quantiles,
    fit_intervals,
    fit_scores,
)
from virality.modeling.oof import OutOfFold


def _case(n, seed=0, uneven=True):
    rng = np.random.default_rng(seed)
    signals = rng.normal(size=(n, 3)).astype(np.float32)
    sd = np.exp(0.6 * signals[:, 0]) if uneven else np.ones(n)
    residual = sd * rng.standard_gamma(2.0, n) - 2 * sd  # skewed
    return signals, residual, rng.random(n) < 0.4


def _fit(n, seed=0, **kw):
    signals, residual, warm = _case(n, seed, **kw)
    return fit_intervals(signals, residual, warm, np.array_split(np.arange(n), 5))


@pytest.mark.parametrize("n", [80, 1500])
def test_eighty_percent_of_new_posts_fall_inside(n):
    shares = []
    for seed in range(4):
        intervals = _fit(n, seed)
        signals, residual, warm = _case(4000, seed + 100)
        low, high = intervals.bounds(np.zeros(4000), intervals.scale(signals), warm)
        shares.append(np.mean((residual >= low) & (residual <= high)))
    assert 0.76 < np.mean(shares) < 0.86


def test_a_spread_model_widens_where_posts_are_uncertain():
    intervals = _fit(2000)
    signals, residual, warm = _case(4000, 9)
    scale = intervals.scale(signals)
    low, high = intervals.bounds(np.zeros(4000), scale, warm)
    inside = (residual >= low) & (residual <= high)
    low, high = intervals.bounds(np.zeros(4000), np.full(4000, intervals.constant), warm)
    same = (residual >= low) & (residual <= high)
    parts = np.array_split(np.argsort(scale), 5)
    shares = [inside[part].mean() for part in parts]
    assert min(shares) > 0.72
    assert max(shares) < 0.9
    assert np.ptp(shares) < 0.45 * np.ptp([same[part].mean() for part in parts])
    assert scale[signals[:, 0] > 1].mean() > 1.5 * scale[signals[:, 0] < -1].mean()


def test_small_data_gets_one_spread_for_all():
    intervals = _fit(100)
    assert intervals.spread is None
    assert len(set(intervals.scale(np.zeros((5, 3), dtype=np.float32)))) == 1


def test_what_says_nothing_of_the_residuals_is_not_believed():
    """A spread model asked about the posts that it was fitted on would be believed all the same."""
    rng = np.random.default_rng(0)
    signals, residual = rng.normal(size=(400, 8)).astype(np.float32), rng.normal(size=400)
    folds = np.array_split(np.arange(400), 5)
    assert fit_intervals(signals, residual, np.zeros(400, bool), folds).belief < 0.3


def test_few_posts_shrink_what_is_believed():
    n = 250
    belief = _fit(n).belief
    assert belief > 0
    unshrunk = belief * (n + BELIEF_POSTS) / n
    assert min(abs(unshrunk - one) for one in EXPONENTS) < 1e-9


def test_scores_that_count_alike_are_their_own_quantiles():
    """A new post takes a place of its own among 199: the first of them is at 1/200."""
    scores = np.arange(1.0, 200.0)
    found = _near(scores, np.linspace(0.0, 1.0, 199), far=1e9)
    np.testing.assert_allclose(found, scores, atol=1e-5)


def test_one_fold_alone_gets_one_spread_for_all():
    """A response that is known lately only is judged by the last window alone."""
    signals, residual, warm = _case(400)
    intervals = fit_intervals(signals, residual, warm, [np.arange(400)])
    assert intervals.spread is None
    low, high = intervals.bounds(np.zeros(400), intervals.scale(signals), warm)
    assert 0.75 < np.mean((residual >= low) & (residual <= high)) < 0.9


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("missed", [0, 1, 60])
def test_posts_that_are_all_hit_to_the_digit_have_an_interval(missed):
    """Most posts without any view: whole folds are foretold exactly."""
    residual = np.zeros(300)
    residual[:missed] = 1.0
    signals, known = np.zeros((300, 3), np.float32), np.ones(300, bool)
    intervals = fit_intervals(signals, residual, known, np.array_split(np.arange(300), 5))
    scale = intervals.scale(signals[:2])
    assert (scale > 0).all()
    low, high = intervals.bounds(np.zeros(2), scale, known[:2])
    assert (low == 0).all()
    assert (high >= 0).all()


def test_higher_levels_hold_lower_ones():
    intervals = _fit(500)
    signals, _, warm = _case(50, 3)
    mean, scale = np.zeros(50), intervals.scale(signals)
    last_low, last_high = mean, mean
    for level in (0.2, 0.5, 0.8, 0.9, 0.99):
        low, high = intervals.bounds(mean, scale, warm, level)
        assert (low <= last_low).all()
        assert (high >= last_high).all()
        last_low, last_high = low, high


def test_hit_probabilities_are_calibrated_and_fall_with_the_threshold():
    intervals = _fit(2000)
    signals, residual, warm = _case(6000, 7)
    mean = np.random.default_rng(0).normal(size=6000)
    scale = intervals.scale(signals)
    chance = intervals.exceeding(1.0, mean, scale, warm)
    happened = mean + residual >= 1.0
    for part in np.array_split(np.argsort(chance), 6):
        assert abs(chance[part].mean() - happened[part].mean()) < 0.07
    higher = intervals.exceeding(2.0, mean, scale, warm)
    assert (higher <= chance).all()
    assert ((chance > 0) & (chance < 1)).all()


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=50), st.floats(0.1, 0.99))
def test_quantiles_never_cross(scores, level):
    low, high = conformal_quantiles(np.sort(np.array(scores)), level)
    assert low <= high


def test_the_tenth_of_199_scores_is_the_twentieth():
    scores = np.arange(1.0, 200.0)
    assert conformal_quantiles(scores, 0.8) == (20.0, 180.0)


def _fan(n, seed):
    """Residuals that widen and lean with the prediction, which nothing else tells."""
    rng = np.random.default_rng(seed)
    mean = rng.normal(3.0, 1.0, n)
    wide, lean = np.exp(0.25 * (mean - 3.0)), np.tanh(3.0 - mean)
    return mean, wide * (lean * (rng.standard_gamma(1.5, n) - 1.5) + rng.normal(0, 0.7, n))


def test_every_tenth_of_the_predictions_is_covered():
    mean, residual = _fan(3000, 0)
    cold = np.zeros(3000, dtype=bool)
    one = fit_intervals(_alone(mean), residual, cold, np.array_split(np.arange(3000), 5))
    new, happened = _fan(20_000, 1)
    strange = np.zeros(20_000, dtype=bool)
    low, high = one.bounds(new, one.scale(_alone(new)), strange)
    inside = (new + happened >= low) & (new + happened <= high)
    shares = [inside[part].mean() for part in np.array_split(np.argsort(new), 10)]
    assert 0.78 < inside.mean() < 0.82
    assert min(shares) > 0.75


def test_scores_by_level_are_more_even_than_one_set_for_all():
    one = fit_scores(*_fan(3000, 0))
    new, happened = _fan(20_000, 1)
    down, up = one.bounds(new, 0.8)
    inside = (happened >= down) & (happened <= up)
    flat = conformal_quantiles(np.sort(_fan(3000, 0)[1]), 0.8)
    same = (happened >= flat[0]) & (happened <= flat[1])
    local, overall = (
        [held[part].mean() for part in np.array_split(np.argsort(new), 10)]
        for held in (inside, same)
    )
    assert np.ptp(local) < 0.5 * np.ptp(overall)


def _alone(mean):
    return mean[:, None].astype(np.float32)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 600),
    st.integers(0, 10_000),
    st.sampled_from(["normal", "ties", "constant"]),
)
def test_distributions_ascend_at_and_between_levels(n, seed, kind):
    rng = np.random.default_rng(seed)
    mean, scores = rng.normal(size=n), rng.normal(size=n)
    if kind != "normal":
        mean = np.round(mean) if kind == "ties" else np.zeros(n)
        scores = np.round(scores)
    one = fit_scores(mean, scores)
    assert one.quantiles.shape[0] == len(one.levels)
    assert (np.diff(one.quantiles, axis=1) >= 0).all()
    at = np.array([-99.0, -0.3, 0.1, 99.0])
    last_down, last_up = np.zeros(4), np.zeros(4)
    for level in (0.1, 0.5, 0.8, 0.95):
        down, up = one.bounds(at, level)
        assert (down <= last_down + 1e-12).all()
        assert (up >= last_up - 1e-12).all()
        last_down, last_up = down, up
    chances = [one.exceeding(np.full(4, needed), at) for needed in (-2.0, 0.0, 0.5, 3.0)]
    assert (np.diff(chances, axis=0) <= 1e-12).all()
    assert all(((chance > 0) & (chance < 1)).all() for chance in chances)


def _covered(one, mean, residual, signals, warm, times=None):
    low, high = one.bounds(mean, one.scale(signals, times), warm)
    inside = (mean + residual >= low) & (mean + residual <= high)
    return inside, high - low


def test_bands_follow_the_newer_posts_where_noise_falls_over_time():
    rng = np.random.default_rng(0)
    n = 3000
    times = np.sort(rng.uniform(0.0, 1e7, n))
    mean = rng.normal(size=n)
    residual = rng.normal(size=n) * np.exp(-1.5 * times / 1e7)
    cold = np.zeros(n, dtype=bool)
    order = rng.permutation(n)  # rows come in any order
    folds = np.array_split(np.arange(n), 5)
    data = _alone(mean[order]), residual[order], cold, folds
    one, blind = fit_intervals(*data, times=times[order]), fit_intervals(*data)
    new = rng.normal(size=8000)
    happened = rng.normal(size=8000) * np.exp(-1.5)
    ahead, strange = np.full(8000, 1.01e7), np.zeros(8000, dtype=bool)
    inside, width = _covered(one, new, happened, _alone(new), strange, ahead)
    same, wide = _covered(blind, new, happened, _alone(new), strange, ahead)
    assert 0.77 < inside.mean() < 0.89  # shrunk, and a step behind a steady fall
    assert same.mean() > 0.93
    assert width.mean() < 0.7 * wide.mean()
    undated, _ = _covered(one, new, happened, _alone(new), strange)
    np.testing.assert_array_equal(undated, inside)
    then, before = (
        [
            part.mean()
            for part in np.array_split(
                _covered(which, mean, residual, _alone(mean), cold, times)[0], 5
            )
        ]
        for which in (one, blind)
    )
    assert np.ptp(then) < 0.5 * np.ptp(before)


def test_hit_probabilities_follow_the_newer_posts():
    rng = np.random.default_rng(1)
    times = np.linspace(0.0, 1e7, 3000)
    residual = rng.normal(size=3000) * np.exp(-1.5 * times / 1e7)
    mean, cold = rng.normal(size=3000), np.zeros(3000, dtype=bool)
    folds = np.array_split(rng.permutation(3000), 5)
    one = fit_intervals(_alone(mean), residual, cold, folds, times=times)
    new = rng.normal(size=8000)
    happened = new + rng.normal(size=8000) * np.exp(-1.5) >= 0.3
    scale = one.scale(_alone(new), np.full(8000, 1e7))
    chance = one.exceeding(0.3, new, scale, np.zeros(8000, dtype=bool))
    for part in np.array_split(np.argsort(chance), 6):
        assert abs(chance[part].mean() - happened[part].mean()) < 0.06


def test_known_and_unseen_authors_are_each_covered():
    rng = np.random.default_rng(2)

    def posts(n):
        warm = rng.random(n) < 0.5
        mean = rng.normal(size=n)
        return mean, rng.normal(size=n) * np.where(warm, 0.3, 1.0), warm

    mean, residual, warm = posts(2000)
    one = fit_intervals(_alone(mean), residual, warm, np.array_split(np.arange(2000), 5))
    new, happened, known = posts(10_000)
    inside, width = _covered(one, new, happened, _alone(new), known)
    assert 0.77 < inside[known].mean() < 0.83
    assert 0.77 < inside[~known].mean() < 0.83
    assert width[known].mean() < 0.5 * width[~known].mean()


@pytest.mark.parametrize("n", [600, 3000])
def test_the_lowest_tenth_is_covered_where_it_is_the_noisiest(n):
    shares = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        mean, new = rng.normal(size=n), rng.normal(size=10_000)
        cold = np.zeros(n, dtype=bool)
        residual = rng.normal(size=n) * np.exp(-0.6 * mean)
        one = fit_intervals(_alone(mean), residual, cold, np.array_split(np.arange(n), 5))
        happened = rng.normal(size=10_000) * np.exp(-0.6 * new)
        inside, _ = _covered(one, new, happened, _alone(new), np.zeros(10_000, dtype=bool))
        shares.append([inside[part].mean() for part in np.array_split(np.argsort(new), 10)])
    assert min(np.mean(shares, axis=0)) > 0.74
    assert np.mean(shares, axis=0)[0] > 0.75


def test_levels_are_heeded_only_where_residuals_change_with_them():
    rng = np.random.default_rng(3)
    fold = np.arange(2000) % 5
    mean = rng.normal(size=2000)
    even = [_far(mean, rng.normal(size=2000), np.ones(2000), fold) for _ in range(10)]
    uneven = [
        _far(mean, rng.normal(size=2000) * np.exp(mean), np.ones(2000), fold) for _ in range(10)
    ]
    assert np.median(even) == FARS[-1]
    assert uneven == [FARS[0]] * 10


def test_few_authors_with_ways_of_their_own_pull_towards_all_posts():
    rng = np.random.default_rng(4)
    author = np.repeat(np.arange(20), 60)
    mean = rng.normal(size=20)[author] + 0.1 * rng.normal(size=1200)
    residual = rng.normal(size=20)[author] + 0.3 * rng.normal(size=1200)
    by_author = _far(mean, residual, np.ones(1200), author % 5)
    at_random = _far(mean, residual, np.ones(1200), rng.permutation(1200) % 5)
    assert at_random == FARS[0]
    assert by_author > at_random


def test_where_random_folds_know_later_posts_windows_alone_set_the_width():
    n = 200
    draw = np.random.default_rng(0)
    row = np.r_[
        np.arange(n), np.arange(80, n)
    ]  # every post by a random fold, the later by a window
    mean = np.r_[draw.normal(0, 0.1, n), draw.normal(0, 1.0, 120)]
    folded = OutOfFold(
        row, np.zeros(len(row)), np.r_[np.arange(n) % 2, np.full(120, 2)],
        np.ones(len(row), bool), mean[:, None], np.ones((len(row), 1), bool),
        np.zeros((len(row), 3), np.float32), (1,),
    )  # fmt: skip
    signals = np.column_stack([mean, mean, mean]).astype(np.float32)
    widths = {}
    for kind in ("random", "author"):
        splits = [Split(f"{kind} 1 of 2", row, row), Split(f"{kind} 2 of 2", row, row),
                  Split("forward 1", row, row)]  # fmt: skip
        found = calibrate(folded, np.full(n, np.nan), mean, signals, splits)
        low, high = found.bounds(np.zeros(1), np.full(1, found.constant), np.ones(1, bool))
        widths[kind] = float((high - low)[0])
    assert widths["random"] == pytest.approx(2.56, rel=0.25)  # four fifths of a standard normal
    assert widths["author"] < 0.7 * widths["random"]


def test_strangers_of_random_folds_say_how_far_off_predictions_of_strangers_are():
    """Random folds know later posts of a known author; of a stranger they know nothing more."""
    n = 300
    draw = np.random.default_rng(1)
    warm = np.arange(n) >= 100
    row, forward = np.arange(n), np.arange(150, n)
    mean = np.r_[draw.normal(0, np.where(warm, 0.1, 2.0)), draw.normal(0, 0.5, len(forward))]
    folded = OutOfFold(
        np.r_[row, forward], np.zeros(len(mean)), np.r_[row % 2, np.full(len(forward), 2)],
        np.r_[warm, np.ones(len(forward), bool)], mean[:, None], np.ones((len(mean), 1), bool),
        np.zeros((len(mean), 3), np.float32), (1,),
    )  # fmt: skip
    splits = [Split(f"random {k} of 2", row, row) for k in (1, 2)] + [Split("forward 1", row, row)]
    signals = np.column_stack([np.zeros(len(mean))] * 3).astype(np.float32)
    found = calibrate(folded, np.full(n, np.nan), mean, signals, splits)
    scale = np.full(1, found.scale(signals[:1])[0])
    known, strange = (
        np.ptp(found.bounds(np.zeros(1), scale, np.full(1, one))) for one in (True, False)
    )
    assert known == pytest.approx(2.56 * 0.5, rel=0.25)
    assert strange == pytest.approx(2.56 * 2.0, rel=0.25)
