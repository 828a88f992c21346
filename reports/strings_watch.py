"""English strings of the page of a monitored model."""

from collections.abc import Mapping

WATCH: Mapping[str, str] = {
    "watch.title": "How the predictions fared",
    "watch.sub": "{outcomes} of {predictions} predictions of {target} have an outcome · "
    "model {model}",
    "watch.retrain": "Train again.",
    "watch.watch": "Watch: something has moved, the predictions still hold.",
    "watch.keep": "Keep the model: the predictions are as good as they were in training.",
    "watch.wait": "Too early to tell.",
    "watch.command": "virality retrain predictions.db features/",
    "watch.error": "typical miss",
    "watch.error_note": "expected in training: {expected}",
    "watch.factor": "a factor of {factor}",
    "watch.bias": "lean",
    "watch.bias_low": "too low by {bias}",
    "watch.bias_high": "too high by {bias}",
    "watch.bias_note": "95 % interval {low} to {high}; 0 is no lean",
    "watch.coverage": "of the outcomes inside the 80 % interval",
    "watch.coverage_note": "95 % interval {low} to {high}; 80 % was promised",
    "watch.rank": "rank correlation with what happened",
    "watch.rank_note": "95 % interval {low} to {high}",
    "watch.time": "Over time",
    "watch.drift": "What has moved",
    "watch.drift_lead": "{moved} of {all} features are distributed otherwise than in the training "
    "posts, more than chance allows.",
    "watch.drift_none": "No feature is distributed otherwise than in the training posts, beyond "
    "what chance allows.",
    "watch.drift_unknown": "Drift was not looked for: the training posts were not given.",
    "watch.drift_read": "PSI is the population stability index: it compares the shares of posts in "
    "tenths of the training posts. Below 0.1 there is nothing to speak of, above 0.25 it is a "
    "shift. "
    "A feature counts as moved only if a Kolmogorov-Smirnov test, corrected for the number of "
    "features, agrees. A moved feature alone is no fault: it says that the posts are others, not "
    "that the model is wrong about them.",
    "watch.notes": "What was left out",
    "watch.nav.advice": "Advice",
    "watch.nav.time": "Over time",
    "watch.nav.drift": "Drift",
    "fig.watch_error": "Error of the predictions",
    "fig.watch_error.shows": "Mean absolute error of the posts predicted in each stretch of time, "
    "on the scale that the model learns, with its 95 % interval.",
    "fig.watch_error.read": "The dashed line is the error that the model expected of these very "
    "posts. Bars wholly above it mean that the rule has changed.",
    "fig.watch_bias": "Lean of the predictions",
    "fig.watch_bias.shows": "What happened less what was predicted, mean of each stretch.",
    "fig.watch_bias.read": "Above 0 the model says too little, below 0 too much.",
    "fig.watch_coverage": "Outcomes inside the 80 % interval",
    "fig.watch_coverage.shows": "Share of the outcomes inside the interval, stretch by stretch.",
    "fig.watch_coverage.read": "The dashed line is what was promised.",
    "fig.watch_drift": "Features that differ most from the training posts",
    "fig.watch_drift.shows": "Population stability index of each feature.",
    "fig.watch_drift.read": "Orange features count as moved, grey ones may be chance.",
    "axis.watch_error": "mean error",
    "axis.watch_bias": "actual less predicted",
    "axis.watch_coverage": "share inside",
    "axis.watch_psi": "population stability index",
    "col.watch_from": "predicted from",
    "col.watch_posts": "posts",
    "col.watch_value": "value",
    "col.watch_interval": "95 % interval",
    "col.watch_expected": "expected",
}
