"""Two reports side by side, languages, tables, notebooks; and where words and tags may stand."""

import ast
import csv
import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from attack_strings import ATTACKS, MARKER
from chromium import chromium, needs_chromium
from report_case import case, make_tuning
from test_render import KNOWN, Reader, hostile
from typer.testing import CliRunner

from virality.cli import app
from virality.data.errors import InputError
from virality.reports.pairing import pair_of
from virality.reports.render import render, render_pair, twin
from virality.reports.serve_page import FACTS, render_ask
from virality.reports.strings import speaking
from virality.reports.summarize import summarize

pytestmark = pytest.mark.usefixtures("light_recipes")

REPORTS = Path(__file__).resolve().parents[1] / "reports"
JINJA = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)


def hostile_twins() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return two twins whose every text that a stranger may have written is an attack."""
    first, second = (json.loads(twin(hostile())) for _ in "ab")
    for place, driver in enumerate(second["explained"]["features"]):
        driver["label"] = ATTACKS[(7 * place) % len(ATTACKS)]
        driver["share"] = 1.0 / (place + 2)
    second["making"]["seed"] = ATTACKS[3]
    return first, second


def hostile_pairs() -> list[str]:
    """Return pages of pairs under names that are attacks, every attack once."""
    twins = hostile_twins()
    names = zip(ATTACKS[::2], ATTACKS[1::2], strict=True)
    return [render_pair(pair_of(*twins, names=two)) for two in names]


def test_no_attack_becomes_an_element_of_a_comparison() -> None:
    pages = hostile_pairs()
    assert len(pages) == len(ATTACKS) // 2
    for page, (first, second) in zip(
        pages, zip(ATTACKS[::2], ATTACKS[1::2], strict=True), strict=True
    ):
        reader = Reader()
        reader.feed(page)
        assert {tag for tag, _ in reader.tags} <= KNOWN
        for _, attrs in reader.tags:
            assert not any(name.startswith("on") or name == "style" for name in attrs)
            assert "src" not in attrs
            assert (attrs.get("href") or "#").startswith(("#", "data:text/csv;"))
        seen = " ".join(reader.text.split())
        for name in (first, second):
            assert " ".join(name.split())[:30] in seen


@needs_chromium
def test_no_attack_runs_in_a_comparison(tmp_path: Path) -> None:
    said: list[str] = []
    with chromium() as browser:
        tab = browser.new_page(viewport={"width": 390, "height": 844})
        tab.on("request", lambda one: said.append(one.url))
        for kind in ("pageerror", "dialog", "console"):
            tab.on(kind, lambda one: said.append(str(one)))
        for number, page in enumerate(hostile_pairs()):
            path = tmp_path / f"{number}.html"
            path.write_text(page, encoding="utf-8")
            tab.goto(path.as_uri())
            assert said == [path.as_uri()]
            said.clear()
            assert tab.evaluate(f"window.{MARKER}") is None
            assert tab.evaluate("document.documentElement.scrollWidth") <= 390


def test_no_attack_becomes_an_element_of_a_form_that_comes_back() -> None:
    card = {"unit": "views", "rows": 1, "authors": 0, "first_posted_at": "", "last_posted_at": ""}

    def form_of(text: str) -> Reader:
        typed = [(name, text) for name in ("caption", "caption", *FACTS)]
        page = render_ask(1, 1, 6, 12, card, True, text, (), typed)
        reader = Reader()
        reader.feed(page.html)
        return reader

    plain = form_of("harmless").tags
    for attack in ATTACKS:
        found = form_of(attack).tags
        assert [tag for tag, _ in found] == [tag for tag, _ in plain]
        assert [list(attrs) for _, attrs in found] == [list(attrs) for _, attrs in plain]
        values = [attrs["value"] for tag, attrs in found if attrs.get("name") in FACTS[:3]]
        assert values == [attack] * 3


def call(*arguments: object) -> Any:
    return CliRunner().invoke(app, [*map(str, arguments), "-q"])


def test_reports_are_compared_from_their_twins_with_tables(tmp_path: Path) -> None:
    model, features, judged = case()
    for name, few in (("old", judged[:1]), ("new", judged)):
        (tmp_path / name).mkdir()
        report = summarize(model, features, few, make_tuning())
        (tmp_path / name / "report.json").write_text(twin(report))
    page, tables = tmp_path / "pair.html", tmp_path / "tables"
    result = call(
        "report", "--compare", tmp_path / "old" / "report.json", tmp_path / "new" / "report.json",
        "-o", page, "--tables", tables, "--json",
    )  # fmt: skip
    assert result.exit_code == 0, (result.output, result.exception)
    told = json.loads(result.stdout)
    assert told["report"] == str(page)
    values = json.loads(page.with_suffix(".json").read_text())
    assert [values["first"]["name"], values["second"]["name"]] == ["old", "new"]
    assert tuple(values["sentences"]) == tuple(told["sentences"])
    for duel in values["duels"]:
        assert duel["first"] == duel["second"]  # one and the same model
        assert duel["better"] is None
    written = sorted(path.name for path in tables.iterdir())
    assert written
    for path in tables.iterdir():
        rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
        assert len(rows) > 1


def test_what_is_no_report_is_not_compared(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.json"
    wrong.write_text("{}")
    result = call("report", "--compare", wrong, wrong, "-o", tmp_path / "pair.html")
    assert isinstance(result.exception, InputError)
    assert "wrong" in str(result.exception)
    assert not (tmp_path / "pair.html").exists()


def test_another_language_is_a_file(tmp_path: Path) -> None:
    model, features, judged = case()
    other = tmp_path / "de.toml"
    other.write_text(
        '[say]\n"page.skip" = "Zum Bericht"\n"nav.drivers" = "Was zählt"\n', encoding="utf-8"
    )
    english = render(summarize(model, features, judged, None))
    with speaking(str(other)):
        german = render(summarize(model, features, judged, None))
    assert 'lang="de"' in german
    assert "Zum Bericht" in german
    assert "Was zählt" in german
    assert 'lang="en"' in english
    assert "Zum Bericht" not in english
    assert german.count("Was zählt") == unescape(german).count("Was zählt")
    with pytest.raises(InputError, match=r"copy reports/languages/en\.toml"), speaking("xx"):
        pass


def test_a_notebook_shows_the_whole_page_in_a_frame() -> None:
    model, features, judged = case()
    report = summarize(model, features, judged, None)
    reader = Reader()
    reader.feed(report._repr_html_())
    (frame,) = reader.tags
    assert frame[0] == "iframe"
    assert frame[1]["srcdoc"] == render(report)
    assert "allow-same-origin" not in (frame[1]["sandbox"] or "")


def test_no_template_holds_prose() -> None:
    """What a reader sees comes from the catalogue; a template holds at most the program's name."""
    for path in sorted((REPORTS / "templates").glob("*.j2")):
        bare = JINJA.sub("", path.read_text(encoding="utf-8"))
        texts = re.sub(r"<[^>]*>", "\n", bare).splitlines()
        words = {word for text in texts for word in re.findall(r"[^\W\d_]+", unescape(text))}
        assert words <= {"virality"}, path.name
        for name in ("title", "alt", "placeholder", "aria-label"):
            assert not re.search(rf'{name}="[^"]*[A-Za-z]', bare), (path.name, name)


def test_no_code_of_reports_and_page_writes_a_tag() -> None:
    for folder in (REPORTS, REPORTS.parent / "web"):
        for path in sorted(folder.glob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            notes = {
                node.body[0].value
                for node in ast.walk(tree)
                if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
                and node.body
                and isinstance(node.body[0], ast.Expr)
            }
            for node in ast.walk(tree):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    written = re.search(r"</?[a-z][a-z0-9]*[ />]", node.value)
                    assert node in notes or not written, (path.name, node.lineno)
