"""The main job on a synthetic corpus with planted drivers."""

from pathlib import Path

from virality.workflow.console import Console
from virality.workflow.run import Plan, Run, run
from virality.workflow.stamp import Stamps, fingerprint


def demo(out: Path, *, clips: int, trials: int, jobs: int, seed: int, console: Console) -> Run:
    """Make the demo corpus under `out/corpus` and run every stage on it.

    Raises:
        StorageError: if `out` cannot be written.
    """
    from virality.data.synthetic import make_corpus

    corpus = out / "corpus"
    truth = corpus / "truth.json"
    stamps = Stamps(corpus / "stages.json")
    mark = fingerprint({}, {"clips": clips, "seed": seed})
    if not stamps.is_fresh("corpus", mark, {"truth": truth}):
        with console.progress("making clips") as progress:
            make_corpus(corpus, clips=clips, seed=seed, progress=progress)
        stamps.keep("corpus", mark)
    plan = Plan(
        posts=corpus / "posts.parquet",
        media=corpus / "clips",
        out=out,
        trials=trials,
        jobs=jobs,
        seed=seed,
        truth=truth,
    )
    return run(plan, console)
