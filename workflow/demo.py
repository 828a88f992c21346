"""The main job on a synthetic corpus with planted drivers."""

from pathlib import Path

from virality.workflow.console import Console
from virality.workflow.plan import Plan, Run
from virality.workflow.run import refuse_place, run
from virality.workflow.stamp import Stamps, fingerprint
from virality.workflow.whole import damage


def demo(out: Path, *, clips: int, trials: int, jobs: int, seed: int, console: Console) -> Run:
    """Make the demo corpus under `out/corpus` and run every stage on it.

    Raises:
        StorageError: if `out` cannot be written.
        UsageError: if it is the folder of a model or of features.
    """
    from virality.data.synthetic import make_corpus
    from virality.data.table import read_posts

    refuse_place(out)
    corpus = out / "corpus"
    truth, posts = corpus / "truth.json", corpus / "posts.parquet"
    stamps = Stamps(corpus / "stages.json")
    mark = fingerprint({}, {"clips": clips, "seed": seed})
    fresh = stamps.is_fresh("corpus", mark, {"truth": truth, "posts": posts})
    if fresh and (damaged := damage(lambda: read_posts(posts))):
        console.warn(f"{damaged}; the clips are made again")
        fresh = False
    if not fresh:
        with console.progress("making clips") as progress:
            make_corpus(corpus, clips=clips, seed=seed, progress=progress)
        stamps.keep("corpus", mark)
    plan = Plan(
        posts=posts,
        media=corpus / "clips",
        out=out,
        trials=trials,
        jobs=jobs,
        seed=seed,
        truth=truth,
    )
    return run(plan, console)
