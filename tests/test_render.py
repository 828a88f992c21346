"""The page carries everything, lets nothing in or out, and shows strangers' text as text."""

import base64
import csv
import hashlib
import io
import json
import re
import shutil
import subprocess
from dataclasses import replace
from functools import cache
from html import escape
from html.parser import HTMLParser
from itertools import cycle
from pathlib import Path

import pytest
from attack_strings import ATTACKS
from report_case import case, make_tuning

from virality.data.errors import InputError
from virality.reports import strings
from virality.reports.figures import figures_of
from virality.reports.render import SCRIPTS, read_drivers, render, twin
from virality.reports.report import Report
from virality.reports.summarize import summarize
from virality.reports.tables import FORMULA, csv_of, tables_of
from virality.reports.words import tidy

pytestmark = pytest.mark.usefixtures("light_recipes")

TEMPLATES = Path(__file__).resolve().parents[1] / "reports" / "templates"


@cache
def hostile() -> Report:
    """Return a report in which every text that comes from outside is an attack, all 200 of them."""
    model, features, judged = case()
    truth = {"rule": ATTACKS[0] + ATTACKS[5], "planted": list(ATTACKS[:3]), "decoy": ATTACKS[4]}
    report = summarize(model, features, judged, make_tuning(), synthetic=truth)
    texts = cycle(ATTACKS)
    posts = tuple(replace(post, id=next(texts), caption=next(texts)) for post in report.posts)
    drivers = tuple(replace(one, label=next(texts)) for one in report.explained.features)
    fits = tuple(
        replace(
            fit,
            ids=tuple(next(texts) for _ in fit.ids),
            misses=tuple(replace(miss, caption=next(texts)) for miss in fit.misses),
        )
        for fit in report.fits
    )
    fields = tuple(
        replace(report.data.fields[0], name=tidy(attack, 1000), meaning=tidy(attack, 1000))
        for attack in ATTACKS
    )
    explained = replace(report.explained, features=drivers)
    data = replace(report.data, fields=(*report.data.fields, *fields))
    return replace(report, posts=posts, fits=fits, explained=explained, data=data)


@cache
def page() -> str:
    return render(hostile())


class Reader(HTMLParser):
    """Collects what a browser would see."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.bodies: list[tuple[str, str]] = []
        self.text = ""
        self._open = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._open = tag
            self.bodies.append((tag, ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == self._open:
            self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open:
            self.bodies[-1] = (self._open, self.bodies[-1][1] + data)
        else:
            self.text += data


@cache
def read() -> Reader:
    reader = Reader()
    reader.feed(page())
    return reader


def test_the_page_is_small_enough() -> None:
    assert len(page().encode()) < 6 * 1024 * 1024


def test_every_script_and_sheet_is_named_by_its_hash() -> None:
    metas = [attrs for tag, attrs in read().tags if tag == "meta" and "http-equiv" in attrs]
    policy = metas[0]["content"] or ""
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert {kind for kind, _ in read().bodies} == {"script", "style"}
    for attrs, body in zip(scripts(), bodies("script"), strict=True):
        if "type" not in attrs:
            assert digest(body) in policy
    assert all(digest(body) in policy for body in bodies("style"))


def digest(body: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()}'"


def scripts() -> list[dict[str, str | None]]:
    return [attrs for tag, attrs in read().tags if tag == "script"]


def bodies(kind: str) -> list[str]:
    return [body for one, body in read().bodies if one == kind]


KNOWN = {
    *("html", "head", "meta", "title", "style", "body", "header", "main", "footer", "script"),
    *("section", "article", "aside", "nav", "div", "span", "p", "a", "h1", "h2", "h3", "h4"),
    *("ul", "ol", "li", "dl", "dt", "dd", "pre", "code", "strong", "small", "bdi", "button"),
    *("table", "thead", "tbody", "tr", "th", "td", "details", "summary", "figure", "figcaption"),
    *("svg", "g", "line", "rect", "circle", "text", "polygon", "polyline"),
    *("h5", "time", "label", "input", "output"),
}
"""Elements of the templates, none of which runs or loads anything by itself."""


def test_no_attack_becomes_an_element() -> None:
    assert {tag for tag, _ in read().tags} <= KNOWN
    assert len([one for one in scripts() if "type" not in one]) == len(SCRIPTS)
    assert {one["type"] for one in scripts() if "type" in one} <= {"application/json"}
    for _, attrs in read().tags:
        assert not any(name.startswith("on") or name == "style" for name in attrs)
        assert (attrs.get("href") or "#").startswith(("#", "data:text/csv;"))
        assert "src" not in attrs
    assert {attrs["type"] for tag, attrs in read().tags if tag == "input"} <= {"range"}
    seen = " ".join(read().text.split())
    assert all(" ".join(tidy(attack, 40).rstrip("…").split()) in seen for attack in ATTACKS)


def test_no_address_stands_in_the_page() -> None:
    rest = page()
    for attack in ATTACKS:
        rest = rest.replace(escape(attack), "")
    rest = re.sub(r'href="data:text/csv[^"]*"', "", rest)
    assert not re.search(r"(https?:)?//(?!example\.invalid)[a-z0-9-]+\.[a-z]", rest)


def test_csv_tables_hold_exact_numbers_and_no_formulas() -> None:
    tables = tables_of(hostile())
    assert {"scores", "features", "misses_temporal", "fields", "trials"} <= set(tables)
    for name, rows in tables.items():
        cells = list(csv.reader(io.StringIO(csv_of(rows))))
        assert len(cells) == len(rows) + 1
        assert all(len(line) == len(cells[0]) for line in cells)
        for cell in (cell for line in cells for cell in line if cell.startswith(FORMULA)):
            float(cell)
        if name == "features":
            assert float(cells[1][cells[0].index("effect")]) == pytest.approx(rows[0]["effect"])


def test_every_figure_says_what_it_shows_and_has_its_place_in_the_page() -> None:
    keys = [figure.key for figure in figures_of(hostile())]
    assert len(keys) == len(set(keys))
    drawn = [attrs["data-figure"] for _, attrs in read().tags if "data-figure" in attrs]
    assert sorted(drawn) == sorted(keys)
    for figure in figures_of(hostile()):
        assert figure.title
        assert figure.shows


def test_ids_are_unique_and_links_lead_somewhere() -> None:
    ids = [attrs["id"] for _, attrs in read().tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    targets = [
        (attrs["href"] or "")[1:]
        for tag, attrs in read().tags
        if tag == "a" and "download" not in attrs
    ]
    assert set(targets) <= set(ids)


def test_the_same_report_gives_the_same_bytes() -> None:
    assert render(hostile()) == page()


def test_the_twin_holds_the_attacks_as_data_only() -> None:
    text = twin(hostile())
    assert text.isascii()
    assert json.loads(text)["posts"][0]["caption"] == ATTACKS[1]


def test_drivers_are_read_back_from_the_twin(tmp_path: Path) -> None:
    model, features, _ = case()
    report = summarize(model, features, (), None)
    path = tmp_path / "report.json"
    path.write_text(twin(report), encoding="utf-8")
    assert read_drivers(path) == tuple(one.label for one in report.drivers[:6])
    path.write_text("[]", encoding="utf-8")
    with pytest.raises(InputError, match="not the JSON twin"):
        read_drivers(path)
    with pytest.raises(InputError, match="cannot read"):
        read_drivers(tmp_path / "none.json")


def test_every_string_of_the_page_is_there() -> None:
    used = set()
    for path in TEMPLATES.glob("*.j2"):
        used |= set(re.findall(r'say\(["\']([a-z0-9_.]+)["\'][,)]', path.read_text("utf-8")))
    assert used
    assert used <= set(strings.STRINGS)


@pytest.mark.parametrize(
    "keep",
    [{"splits": (), "study": True}, {"splits": (0,), "study": False}, {"splits": (2,), "study": 0}],
)
def test_thin_reports_render_too(keep: dict[str, object]) -> None:
    model, features, judged = case()
    splits = keep["splits"]
    assert isinstance(splits, tuple)
    tuning = make_tuning() if keep["study"] else None
    text = render(summarize(model, features, [judged[i] for i in splits], tuning))
    assert "</html>" in text


def test_fields_that_no_post_has_are_folded_into_one_line() -> None:
    report = hostile()
    some = report.data.fields[0]
    fields = [replace(some, name=f"bare_{i}", meaning=f"bare {i}", missing=1.0) for i in range(40)]
    scarce = replace(some, name="scarce", meaning="a scarce one", missing=0.5)
    report = replace(report, data=replace(report.data, fields=(some, scarce, *fields)))
    (figure,) = (one for one in figures_of(report) if one.key == "missing")
    assert [name for name, _ in figure.rows] == ["a scarce one"]
    text = render(report)
    start = text.index('id="empty"')
    folded = text[start : text.index("</details>", start)]
    assert "Empty in every post: 40 of 42 fields" in folded
    rest = text.replace(folded, "")
    for one in fields:
        assert one.name in folded
        assert f">{one.name}<" not in rest
    told = json.loads(twin(report))["data"]["fields"]
    assert [one["name"] for one in told if one["missing"] == 1.0] == [one.name for one in fields]


def test_a_score_without_logarithm_renders() -> None:
    model, features, judged = case(log=False)
    assert "log score" in render(summarize(model, features, judged, None))


@pytest.mark.nightly
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs a browser")
def test_a_browser_draws_it_without_a_word_of_complaint(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text(page(), encoding="utf-8")
    done = subprocess.run(
        [
            "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
            "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr",
            "--virtual-time-budget=9000", "--window-size=1280,16000", "--dump-dom",
            (tmp_path / "report.html").as_uri(),
        ],
        capture_output=True, text=True, timeout=180, check=True,
    )  # fmt: skip
    assert "CONSOLE" not in done.stderr
    assert "<title>What drives views</title>" in done.stdout
    assert "tabindex" in done.stdout
