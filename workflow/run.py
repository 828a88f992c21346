"""Every stage in order, each skipped when its inputs have not changed."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from virality.data.errors import InputError, StorageError, UsageError
from virality.data.features import (
    MANIFEST,
    MATRIX,
    POSTS,
    STATUS,
    check_features,
    read_features,
)
from virality.data.limits import Limits
from virality.data.overwriting import refuse_foreign, refuse_model, refuse_overwriting, refuse_part
from virality.modeling.bundle_folder import check_place
from virality.workflow.alone import alone
from virality.workflow.console import Console, Progress
from virality.workflow.plan import Plan, Run
from virality.workflow.stamp import Stamps, fingerprint, set_aside
from virality.workflow.whole import check_report, check_study, damage, is_torn_model, unadvised

if TYPE_CHECKING:
    from virality.featurizers.extract import Extraction
    from virality.modeling.evaluate import Evaluation
    from virality.modeling.train import Model


def extract_table(
    posts: Path | str,
    media: Path | str | None,
    out: Path | str,
    *,
    only: Sequence[str] = (),
    without: Sequence[str] = (),
    extras: Sequence[str] = (),
    encoder: str = "",
    views: int = 0,
    late: bool = False,
    jobs: int = 1,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> "Extraction":
    """Extract features of a table of posts on disk.

    Raises:
        InputError: if the table or the media folder cannot be used.
        StorageError: if the output cannot be written.
        UsageError: if it would be written over an input, or over files that no extraction wrote.
    """
    from virality.data.table import extra_known, read_posts
    from virality.featurizers.extract import extract

    posts, out, media = Path(posts), Path(out), None if media is None else Path(media)
    refuse_overwriting([out / name for name in (MATRIX, POSTS, STATUS, MANIFEST)], [posts, media])
    refuse_foreign(out, (POSTS, MATRIX, STATUS))
    return extract(
        read_posts(posts), media, out, only=only, switched_off=without, extras=extras,
        encoder=encoder, views=views, jobs=jobs, limits=limits or Limits(),
        known=extra_known(posts), late=late, progress=progress,
    )  # fmt: skip


def train_model(
    features: Path,
    study: Path | None,
    out: Path,
    *,
    target: str = "",
    seed: int = 0,
    allow_post: bool = False,
    adapt: bool = False,
    progress: Progress | None = None,
) -> "Model":
    """Train the stack on all labelled posts and write it.

    Raises:
        InputError: if there are too few labelled posts, or the target is not there.
        StorageError: if the bundle cannot be written, told before training where that is foreseen.
    """
    from virality.modeling.bundle import save_model
    from virality.modeling.train import train
    from virality.modeling.tune import read_tuning

    check_place(out)
    tuning = read_tuning(study) if study else None
    chosen = target or (tuning.target if tuning else "views")
    if tuning is not None and chosen != tuning.target:
        raise InputError(f"{study}: a study of {tuning.target!r}, not of {chosen!r}")
    table = read_features(features)
    model = train(
        table.matrix, table.posts, tuning=tuning, target=chosen, seed=seed,
        allow_post=allow_post, adapt=adapt, progress=progress,
    )  # fmt: skip
    save_model(model, out)
    return model


def refuse_place(out: Path) -> None:
    """Refuse a folder of everything that is that of a model or of features.

    Raises:
        UsageError: naming the folder or what in it would be lost.
    """
    refuse_model(out)
    refuse_part(out / POSTS)


def run(plan: Plan, console: Console) -> Run:
    """Do all stages in order; a stage whose inputs and options have not changed is skipped.

    Raises:
        ViralityError: whatever a stage raises; the stages before it keep their results.
    """
    refuse_place(plan.out)
    try:
        plan.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{plan.out}: cannot make the folder: {error.strerror}") from error
    _check_splits(plan.splits)
    refuse_overwriting(plan.written, [plan.posts, plan.mapping, plan.media, plan.truth])
    with alone(plan.out):
        _make_room(plan, console)
        stages = Stages(plan, console)
        stages.ingest()
        stages.check_target()
        stages.extract()
        stages.tune()
        stages.train()
        for split in plan.splits:
            stages.evaluate(split)
        stages.report()
        return stages.summary()


def _check_splits(names: Sequence[str]) -> None:
    from virality.workflow.judge import known_split

    if not names:
        raise UsageError("--split is empty: name at least one, as in --split temporal")
    for name in names:
        known_split(name)


def _make_room(plan: Plan, console: Console) -> None:
    """Refuse a place that no model can be written to; what a crash left of a run's gives way.

    Raises:
        StorageError: as `check_place`, but for a damaged model that a run made there.
    """
    place = plan.at("model")
    try:
        check_place(place)
    except StorageError:
        if not (Stamps(plan.at("stages.json")).knows("train") and is_torn_model(place)):
            raise
        console.warn(f"{place}: is damaged; kept as {set_aside(place)}, and train makes it again")


class Stages:
    """The stages of one run; each writes files and remembers what it made them from."""

    def __init__(self, plan: Plan, console: Console) -> None:
        """Take the plan; nothing is done yet."""
        self.plan = plan
        self.console = console
        self.stamps = Stamps(plan.at("stages.json"))
        self.seconds: dict[str, float] = {}

    def ingest(self) -> None:
        """Source -> posts.parquet."""
        from virality.data.ingest import ingest
        from virality.data.table import read_posts

        plan = self.plan
        if not plan.posts.exists():
            raise InputError(f"{plan.posts}: no such file or folder")

        def read(progress: Progress) -> None:
            found = ingest(
                plan.posts, plan.at("posts.parquet"), format=plan.layout,
                mapping=plan.mapping, progress=progress,
            )  # fmt: skip
            if found.rejected:
                self.console.note(
                    f"{found.rejected} of {found.rows} rows refused; reasons in {found.rejects}"
                )
            for note in found.notes:
                self.console.note(note)

        self._stage(
            "ingest",
            fingerprint(
                {"posts": plan.posts, "mapping": plan.mapping}, {"layout": plan.layout}
            ),
            {"posts": plan.at("posts.parquet")},
            read,
            lambda: read_posts(plan.at("posts.parquet")),
        )  # fmt: skip

    def check_target(self) -> None:
        """Refuse a target that the posts do not tell before their clips are measured.

        Raises:
            InputError: naming the targets that they do tell.
        """
        from virality.data.table import read_posts
        from virality.modeling.targets import find_target

        find_target(self.plan.target).settle(read_posts(self.plan.at("posts.parquet")))

    def extract(self) -> None:
        """posts.parquet and media -> features/."""
        plan = self.plan
        if plan.media is not None and not plan.media.is_dir():
            raise InputError(f"{plan.media}: no such folder of media")
        self._stage(
            "extract",
            fingerprint(
                {"posts": plan.at("posts.parquet"), "media": plan.media},
                {"only": plan.only, "without": plan.without, "encoder": plan.encoder,
                 "extras": plan.extras, "views": plan.views, "limits": plan.limits,
                 "versions": _versions(plan.extras)},
            ),
            {"features": plan.at("features")},
            lambda progress: extract_table(
                plan.at("posts.parquet"), plan.media, plan.at("features"), only=plan.only,
                without=plan.without, extras=plan.extras, encoder=plan.encoder,
                views=plan.views, jobs=plan.jobs, limits=plan.limits, progress=progress,
            ),
            lambda: check_features(plan.at("features")),
        )  # fmt: skip

    def tune(self) -> None:
        """features/ -> study.log."""
        from virality.modeling.study import DamagedStudyError, OtherStudyError
        from virality.modeling.tune import tune

        plan = self.plan

        def search(progress: Progress) -> None:
            table = read_features(plan.at("features"))
            options: dict[str, Any] = {
                "target": plan.target, "trials": plan.trials, "timeout_s": plan.timeout_s,
                "study": plan.at("study.log"), "seed": plan.seed, "metric": plan.metric,
                "progress": progress,
            }  # fmt: skip
            try:
                tune(table.matrix, table.posts, **options)
            except (OtherStudyError, DamagedStudyError) as other:
                kept = set_aside(plan.at("study.log"))
                self.console.warn(f"{unadvised(other)}: kept as {kept}; tune begins anew")
                tune(table.matrix, table.posts, **options)

        mark = fingerprint(
            {"features": plan.at("features/manifest.json")},
            {"target": plan.target, "trials": plan.trials, "seed": plan.seed,
             "timeout_s": plan.timeout_s, "metric": plan.metric},
        )  # fmt: skip
        study, least = plan.at("study.log"), plan.trials if plan.timeout_s is None else 1
        self._stage("tune", mark, {"study": study}, search, lambda: check_study(study, least))

    def train(self) -> None:
        """features/ and study.log -> model/."""
        from virality.modeling.bundle import read_pieces

        plan = self.plan

        def learn(progress: Progress) -> None:
            features, study, out = (plan.at(name) for name in ("features", "study.log", "model"))
            train_model(features, study, out, target=plan.target, seed=plan.seed, progress=progress)
            self.console.note_kept(out)

        mark = fingerprint(
            {"features": plan.at("features/manifest.json"), "study": plan.at("study.log")},
            {"target": plan.target, "seed": plan.seed},
        )
        model = plan.at("model")
        self._stage("train", mark, {"model": model}, learn, lambda: read_pieces(model))

    def evaluate(self, split: str) -> None:
        """features/ and model/ -> evaluation-<split>.json."""
        from virality.workflow.judge import judge, read_evaluation

        plan = self.plan
        kept = self._kept(split)
        self._stage(
            f"evaluate {split}",
            fingerprint(self._trained(), {"split": split, "seed": plan.seed}),
            {"evaluation": kept},
            lambda progress: judge(
                plan.at("features"), plan.at("model"), split=split, seed=plan.seed, keep=kept,
                progress=progress,
            ),
            lambda: read_evaluation(kept),
        )  # fmt: skip

    def report(self) -> None:
        """Everything -> report.html and report.json."""
        from virality.workflow.describe import describe

        plan = self.plan
        kept = [self._kept(split) for split in plan.splits]
        inputs = {path.name: path for path in kept}
        page, twin = plan.at("report.html"), plan.at("report.json")
        self._stage(
            "report",
            fingerprint({**self._trained(), **inputs, "truth": plan.truth}, {"seed": plan.seed}),
            {"report": page, "twin": twin},
            lambda progress: describe(
                plan.at("model"), plan.at("features"), page,
                study=plan.at("study.log"), evaluations=kept, truth=plan.truth,
                seed=plan.seed, progress=progress,
            ),
            lambda: check_report(page, twin),
        )  # fmt: skip

    def summary(self) -> Run:
        """Gather what the stages wrote."""
        from virality.modeling.tune import read_tuning
        from virality.reports.render import read_drivers
        from virality.workflow.judge import read_evaluation

        plan = self.plan
        table = read_features(plan.at("features"))
        tuning = read_tuning(plan.at("study.log"))
        judged = [read_evaluation(self._kept(split)) for split in plan.splits]
        return Run(
            posts=len(table.posts),
            failed=int((table.status["status"] == "failed").sum()),
            features=len(table.matrix.columns),
            best_trial=tuning.value,
            metric=tuning.metric,
            trials=len(tuning.finished),
            scores={one.split: _scores(one) for one in judged},
            verdict=tuple(one.verdict for one in judged),
            drivers=read_drivers(plan.at("report.json")),
            report=str(plan.at("report.html")),
            seconds=self.seconds,
        )

    def _trained(self) -> dict[str, Path | None]:
        return {
            "features": self.plan.at("features/manifest.json"),
            "model": self.plan.at("model/model.json"),
        }

    def _kept(self, split: str) -> Path:
        return self.plan.at(f"evaluation-{split}.json")

    def _stage(
        self,
        name: str,
        mark: str,
        outputs: Mapping[str, Path],
        work: Callable[[Progress], object],
        check: Callable[[], object],
    ) -> None:
        import time

        if self.stamps.is_fresh(name, mark, outputs):
            if not (damaged := damage(check)):
                self.console.note(f"{name}: nothing changed, skipped")
                return
            self.console.warn(f"{damaged}; {name} is done again")
        start = time.perf_counter()
        with self.console.progress(name) as progress:
            work(progress)
        self.seconds[name] = round(time.perf_counter() - start, 1)
        self.stamps.keep(name, mark)
        self.console.note(f"{name}: {self.seconds[name]} s")


def _versions(extras: Sequence[str]) -> dict[str, str]:
    from virality.featurizers.extract import choose

    return {name: featurizer.version for name, featurizer in choose((), (), extras).items()}


def _scores(evaluation: "Evaluation") -> Mapping[str, Any]:
    value = evaluation.as_json()
    return {key: value[key] for key in ("metrics", "baselines")}
