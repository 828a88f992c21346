"""Every string of the report in English: another language is another file like this one."""

from collections.abc import Mapping

from virality.reports.strings_clip import CLIP
from virality.reports.strings_page import PAGE
from virality.reports.strings_watch import WATCH

LABELS: Mapping[str, str] = {
    "cut_rate": "cuts",
    "cuts_per_second": "cuts a second",
    "start_cut_rate": "cuts in the first three seconds",
    "rest_cut_rate": "cuts after the first three seconds",
    "start_db": "loudness of the first second over the rest",
    "start_loudness_db": "loudness of the first second over the rest",
    "speech_share": "share of the time with speech",
    "integrated_lufs": "loudness",
    "tempo_bpm": "tempo of the music",
    "onset_rate": "sound events",
    "start_onset_rate": "sound events in the first three seconds",
    "activity": "pace of the picture",
    "start_activity": "pace in the first three seconds",
    "stream_container__duration_s": "length of the clip",
    "stream_container__size_log10": "size of the file in bytes",
    "stream_container__bitrate_log10": "bits a second",
    "text_shape__length": "length of the caption",
    "text_shape__words": "words of the caption",
    "metadata_author__followers_log10": "followers of the author",
    "log10_followers": "followers of the author",
    "metadata_author__following_log10": "accounts that the author follows",
    "metadata_author__posts_log10": "posts of the author so far",
    "metadata_author__popularity_log10": "followers for each account followed",
    "metadata_author__yield_log10": "followers for each post so far",
    "metadata_sound__uses_log10": "posts that use the sound",
    "metadata_format__duration_s": "length of the clip",
    "metadata_format__duration_log10": "length of the clip in seconds",
    "metadata_time__hour": "hour of the day",
    "hour_sin": "hour (1 at 6:00, −1 at 18:00)",
    "hour_cos": "hour (1 at midnight, −1 at noon)",
    "evening": "hour of the day",
    "weekday_sin": "day of the week (circle, first half above 0)",
    "weekday_cos": "day of the week (circle, weekend and Monday above 0)",
    "season_sin": "season (1 in early April, −1 in early October)",
    "season_cos": "season (1 at new year, −1 in early July)",
    "history__author_count": "earlier posts of the author",
    "history__author_mean": "usual outcome of the author's earlier posts",
    "history__author_recent": "usual outcome of the author's five latest posts",
    "history__author_trend": "the author's five latest posts over all earlier ones",
    "history__author_last": "outcome of the author's latest post",
    "history__author_spread": "how far the author's earlier outcomes vary",
    "history__author_cold": "an author without earlier posts",
    "history__sound_mean": "usual outcome of earlier posts with this sound",
    "history__sound_recent": "usual outcome of the five latest posts with this sound",
    "history__sound_cold": "a sound without earlier posts",
    "history__hashtag_count": "earlier posts with the most used of the hashtags",
    "history__hashtag_mean": "usual outcome of earlier posts with these hashtags",
    "history__hashtag_best": "usual outcome of the best of the hashtags",
    "history__hashtag_cold": "hashtags without earlier posts",
    "frames_embedding__mean": "what the pictures show",
    "frames_embedding__first": "what the first picture shows",
    "text_embedding__sentence": "what the caption is about",
}
"""Plain names of features, by full name or by the name after `__`; the rest say their meaning."""

ADJECTIVES: Mapping[str, tuple[str, str]] = {
    "cut_rate": ("fast cuts", "slow cuts"),
    "start_cut_rate": ("fast cuts at the start", "slow cuts at the start"),
    "rest_cut_rate": ("fast cuts after the start", "slow cuts after the start"),
    "start_db": ("loud first second", "quiet first second"),
    "speech_share": ("much speech", "little speech"),
    "integrated_lufs": ("loud sound", "quiet sound"),
    "tempo_bpm": ("fast music", "slow music"),
    "onset_rate": ("many sound events", "few sound events"),
    "activity": ("quick pace of the picture", "calm pace of the picture"),
    "start_activity": ("quick pace at the start", "calm pace at the start"),
    "stream_container__duration_s": ("long clip", "short clip"),
    "metadata_format__duration_s": ("long clip", "short clip"),
    "metadata_format__duration_log10": ("long clip, in seconds", "short clip, in seconds"),
    "text_shape__length": ("long caption", "short caption"),
    "text_shape__words": ("long caption", "short caption"),
    "metadata_author__followers_log10": ("many followers", "few followers"),
    "history__author_mean": ("strong record of the author", "weak record of the author"),
    "history__author_recent": ("strong latest posts", "weak latest posts"),
    "history__author_last": ("strong latest post", "weak latest post"),
}
"""What a feature above and below its usual value is called, by full name or by its last part."""

FACTORS = frozenset({"history__author_trend", "history__author_spread"})
"""Features in steps of the learning scale: factors where that is a logarithm."""

UNITS: Mapping[str, str] = {
    "1/s": "a second",
    "count": "",
    "0 to 1": "",
    "0 to 0.5": "",
    "0 to 190": "",
    "-1 to 1": "",
    "ratio": "",
    "long sides/s": "picture lengths a second",
    "fps": "pictures a second",
    "score": "",
}
"""Units as read in a sentence, where they differ from the ones of a column."""

TAILS = frozenset({"mean", "deviation over time", "over the clip", "first frame", "median"})
"""Ends of a column's meaning that tell it from its neighbours."""

MODALITIES: Mapping[str, str] = {
    "text": "caption",
    "audio": "sound",
    "frames": "pictures",
    "stream": "file and format",
    "metadata": "circumstances",
    "history": "earlier posts",
    "all": "everything together",
}

MODALITY_BLOCKS: Mapping[str, str] = {
    "text": "what the caption is about",
    "audio": "what the sound is like",
    "frames": "what the pictures show",
    "stream": "how the file is made",
    "metadata": "circumstances of the post",
    "history": "how earlier posts like it did",
}

BASES: Mapping[str, str] = {
    "lightgbm_all": "everything together (LightGBM)",
    "xgboost_all": "everything together (XGBoost)",
    "all_lightgbm": "everything together (LightGBM)",
    "all_xgboost": "everything together (XGBoost)",
    "all": "everything together",
}
"""Base models of the stack that are not one part of the post."""

LICENCES: Mapping[str, str] = {
    "audio_voice": "The voice features (eGeMAPS) are made by openSMILE, whose licence allows "
    "research only, no commercial use; everything works with them switched off.",
}
"""Featurizer -> what its licence asks of whoever uses the model."""

_WORDS: Mapping[str, str] = {
    "title": "What drives {unit}",
    "title_score": "What drives the {outcome}",
    "unknown": "unknown",
    "missing": "missing",
    "yes": "yes",
    "no": "no",
    "spread": "{low} to {high} {unit}",
    "times": "times {factor}",
    "divided": "divided by {factor}",
    "no_change": "no change",
    "block": "an embedding",
    "block_detail": "{base} ({detail})",
    "rest": "all other features",
    "start": "average prediction",
    "end": "this prediction",
    "reason": "{label} ({value}, usual {usual}): {times}",
    "reason_alone": "{label} ({value}): {times}",
    "reason_as_usual": "{label} ({value}, as usual): {times}",
    "reason_flag": "{label}: {value} (usually {usual}): {times}",
    "reason_missing": "{label}: missing: {times}",
    "family": "{label} (+{more} alike)",
    "family.members": "{label}: with {names}",
    "family.more": "and {more} more",
    "reason_block": "{label}: {times}",
    "no_caption": "no caption",
}

_BELIEF: Mapping[str, str] = {
    "metric.spearman": "rank correlation",
    "metric.mae": "mean error",
    "metric.factor": "typical factor",
    "metric.r2": "variance explained (R²)",
    "metric.mape": "mean percentage error",
    "metric.precision_top10": "top tenth found",
    "metric.lift_top10": "lift in the top tenth",
    "metric.brier": "Brier score of a hit",
    "who.model": "this model",
    "who.constant": "one constant for all",
    "who.author_median": "the author's own median",
    "who.followers": "followers alone",
    "split.temporal": "newest posts",
    "split.rolling": "posts of the newer half, one stretch after the other",
    "split.author": "unseen authors",
    "split.random": "random posts",
    "splitmeaning.temporal": "learned from the oldest posts, judged on the newest ones: closest "
    "to real use",
    "splitmeaning.rolling": "learned from all posts before each stretch of time, judged on that "
    "stretch: steadier than the newest posts alone",
    "splitmeaning.author": "judged on authors of whom nothing was seen in training",
    "splitmeaning.random": "judged on posts drawn at random: flatters every model whose authors "
    "or days repeat",
    "belief.none": "This model has not been judged yet, so there is no reason to believe it.",
    "belief.yes": "Yes, within limits: on the {split} it beats every baseline beyond chance.",
    "belief.partly": "Only partly: on the {split} it is ahead of every baseline, but not beyond "
    "chance.",
    "belief.no": "No: on the {split} it does not beat a simple guess.",
    "belief.half": "Half of the predictions are within a factor of {factor} of what happened.",
    "belief.half_score": "Half of the predictions are within {error} of the true {unit}.",
    "belief.rank": "It ranks two posts rightly {pairs} times in 100; {baseline} does {theirs} "
    "(50 is a coin).",
    "belief.rank_alone": "It ranks two posts rightly {pairs} times in 100 (50 is a coin).",
    "belief.covered": "The ranges that should hold 80 posts in 100 held {covered} ({low} to "
    "{high}).",
    "belief.covered_badly": "They are too {width}: do not take them at face value.",
    "belief.narrow": "narrow",
    "belief.wide": "wide",
    "belief.gap": "Optimism gap: random posts would make it look better than it is. Rank "
    "correlation {random} there, {honest} on the {split}: {gap} of it is flattery.",
    "belief.nogap": "Optimism gap: none to speak of. Rank correlation {random} on random posts, "
    "{honest} on the {split}.",
    "belief.gap_unknown": "The optimism gap is unknown: it takes random posts and an honest split.",
    "belief.coverage_unknown": "How often the ranges hold is unknown.",
    "belief.small": "Only {rows} posts were judged: every figure here is rough.",
    "belief.random_only": "Neither authors nor times allow an honest split: expect worse on new "
    "posts.",
    "belief.alarm": "On the {split} the model does not beat “{baseline}”: its mean error "
    "is {change}.",
    "belief.alarm_unsure": "On the {split} the lead over “{baseline}” may be chance: its "
    "95 % interval reaches {low} on the learning scale, where 0 is no lead.",
    "belief.worse": "{percent} larger",
    "belief.same": "the same",
    "lead.better": "Its mean error is {value} ({low} to {high}) smaller than that of {baseline}.",
    "lead.unsure": "Its mean error is {value} smaller than that of {baseline}, but that may be "
    "chance ({low} to {high}).",
    "lead.worse": "Its mean error is {value} ({low} to {high}) larger than that of {baseline}.",
    "tile.factor": "typical miss",
    "tile.factor_value": "× or ÷ {factor}",
    "tile.factor_note": "half of the predictions are closer",
    "tile.error_value": "± {error}",
    "tile.rank": "two posts ranked rightly",
    "tile.rank_value": "{pairs} in 100",
    "tile.rank_note": "{baseline}: {theirs}",
    "tile.rank_coin": "a coin: 50",
    "tile.coverage": "80 % ranges that held",
    "tile.coverage_note": "{low} to {high}; should be 80 %",
    "tile.rows": "posts judged",
    "tile.rows_note": "on the {split}",
}

_DRIVERS: Mapping[str, str] = {
    "drivers.strongest": "The strongest are {names}.",
    "drivers.modality": "The largest part is {modality}, with {share} of the movement.",
    "drivers.control": "{can} of the model's movement comes from things that whoever posts can "
    "change, {cannot} from what cannot be changed, {context} from context.",
    "drivers.cause": "These are associations in past posts, not proof: changing one of them need "
    "not change {unit}.",
    "control.can": "can be changed",
    "control.cannot": "cannot be changed",
    "control.context": "context",
    "controlmeaning.can": "caption, sound, pictures, length, hour: choices before posting",
    "controlmeaning.cannot": "followers, history of the account: given at the time",
    "controlmeaning.context": "age, season, platform: to be allowed for, never advice",
    "dependence.rises": "Predictions rise with it: {low} at {first}, {high} at {last}.",
    "dependence.falls": "Predictions fall with it: {low} at {first}, {high} at {last}.",
    "dependence.bends": "Best around {best} ({high}), worst around {worst} ({low}).",
    "dependence.thin": "Too few different values to say more.",
    "fit.bias_none": "It is neither too high nor too low on the whole.",
    "fit.bias_high": "It is too high on the whole: the median post got {factor} less.",
    "fit.bias_low": "It is too low on the whole: the median post got {factor} more.",
    "fit.tail": "One post in ten is off by more than a factor of {factor}.",
    "fit.tail_score": "One post in ten is off by more than {error}.",
    "fit.factor": "a factor of {factor}",
    "fit.miss_over": "{times} less than predicted",
    "fit.miss_under": "{times} more than predicted",
    "fit.miss_outside": ", outside the 80 % range",
    "fit.miss_inside": ", inside the 80 % range",
}

_POSTS: Mapping[str, str] = {
    "post.best": "the highest prediction",
    "post.worst": "the lowest prediction",
    "post.middle": "a typical prediction",
    "post.over": "predicted far too high",
    "post.under": "predicted far too low",
    "post.sentence": "{predicted} predicted, {range} with 80 % certainty: higher than "
    "{percentile} of 100 training posts; {hit} chance of a hit.",
    "post.actual": " It got {actual}.",
    "post.unseen": " Before the model had seen it, it was predicted {unseen}.",
}

_MAKING: Mapping[str, str] = {
    "study.sentence": "{done} of {total} trials ran to the end ({pruned} stopped early); the best "
    "came at number {best}.",
    "study.none": "No study: the model was trained with the default parameters.",
    "data.rows": "{rows} posts, {labelled} of them with {outcome}.",
    "data.authors": "{authors} authors; the one with most posts has {most}.",
    "data.noauthors": "No author is known, so the model cannot be judged on unseen authors.",
    "data.period": "Posted from {first} to {last}.",
    "data.noperiod": "No time of posting is known, so the model cannot be judged on newer posts.",
    "data.outcome": "Half of the posts have {low}; the median is {median}.",
    "use.1": "For estimating, before posting, how far a short video is likely to go, and for "
    "seeing which of its properties the estimate rests on.",
    "use.2": "Not for judging people, and not for decisions that harm somebody when wrong.",
    "limits.1": "It knows only posts like those that it has learned from: other platforms, "
    "languages and years are outside its ground.",
    "limits.2": "What drives predictions is association in past posts, not cause.",
    "limits.3": "Platforms choose what they show in ways that no post reveals; no model of "
    "posts sees that.",
    "fact.rows": "posts learned from",
    "fact.authors": "authors",
    "fact.first": "first post",
    "fact.last": "last post",
    "fact.target": "target",
    "fact.seed": "seed of training",
    "fact.report_seed": "seed of the report's samples",
    "fact.features": "features used",
    "fact.hit": "a hit is at least",
    "fact.additivity": "largest error of a sum of contributions",
    "known.pre": "before posting",
    "known.asof": "at the moment of posting",
    "known.post": "only afterwards",
}


STRINGS: Mapping[str, str] = {
    **_WORDS,
    **_BELIEF,
    **_DRIVERS,
    **_POSTS,
    **_MAKING,
    **PAGE,
    **WATCH,
    **CLIP,
}
"""All sentences by key; values in braces are filled in by `say`."""


def say(key: str, **values: object) -> str:
    """Return a string of the report, filled in.

    >>> say("spread", low="40 k", high="600 k", unit="views")
    '40 k to 600 k views'
    """
    return STRINGS[key].format(**values)
