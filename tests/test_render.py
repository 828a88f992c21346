"""The page carries everything, lets nothing in or out, and shows strangers' text as text."""

import base64
import hashlib
import json
import re
import shutil
import subprocess
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
from report_case import ATTACKS, case, make_tuning

from virality.data.errors import InputError
from virality.reports import strings
from virality.reports.figures import figures_of
from virality.reports.render import read_drivers, render, twin
from virality.reports.report import Report
from virality.reports.summarize import summarize

TEMPLATES = Path(__file__).resolve().parents[1] / "reports" / "templates"


@cache
def hostile() -> Report:
    """Return a report in which every text that comes from outside is an attack."""
    model, features, judged = case()
    truth = {"rule": ATTACKS[0] + ATTACKS[5], "planted": list(ATTACKS[:3]), "decoy": ATTACKS[4]}
    report = summarize(model, features, judged, make_tuning(), synthetic=truth)
    posts = tuple(
        replace(post, id=attack, caption=attack)
        for post, attack in zip(report.posts, ATTACKS, strict=False)
    )
    drivers = tuple(
        replace(one, label=attack)
        for one, attack in zip(report.explained.features, ATTACKS, strict=False)
    )
    fits = tuple(
        replace(
            fit,
            ids=tuple(ATTACKS[i % len(ATTACKS)] for i in range(len(fit.ids))),
            misses=tuple(replace(miss, caption=ATTACKS[i]) for i, miss in enumerate(fit.misses)),
        )
        for fit in report.fits
    )
    explained = replace(report.explained, features=drivers)
    return replace(report, posts=posts, fits=fits, explained=explained)


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
    scripts = [attrs for tag, attrs in read().tags if tag == "script"]
    assert [attrs.get("type") for attrs in scripts] == ["application/json", None, None]
    for _, body in [one for one in read().bodies if not one[1].startswith("{")]:
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_no_attack_becomes_an_element() -> None:
    names = {tag for tag, _ in read().tags}
    assert not names & {"img", "iframe", "object", "embed", "link", "base", "b", "form"}
    assert len([tag for tag, _ in read().tags if tag == "script"]) == 3
    for _, attrs in read().tags:
        assert not any(name.startswith("on") or name == "style" for name in attrs)
        assert (attrs.get("href") or "#").startswith("#")
        assert "src" not in attrs
    assert all(attack in read().text for attack in ATTACKS[:3])
    assert "{{ 7 * 7 }}" in read().text


def test_no_address_stands_outside_of_plotly() -> None:
    rest = page()
    for kind, body in read().bodies:
        if kind == "script" and len(body) > 1_000_000:
            rest = rest.replace(body, "")
    assert not re.search(r"(https?:)?//[a-z0-9-]+\.[a-z]", rest)


def test_figures_survive_as_json_and_plotly_accepts_them() -> None:
    import plotly.graph_objects as go

    text = next(body for kind, body in read().bodies if kind == "script" and body.startswith("{"))
    assert not set(text) & set("<>&'")
    drawings = json.loads(text)
    assert set(drawings) == {figure.key for figure in figures_of(hostile())}
    for drawing in drawings.values():
        go.Figure(drawing)


def test_hover_texts_hold_no_markup_of_strangers() -> None:
    for figure in figures_of(hostile()):
        text = json.dumps([figure.data, dict(figure.layout)])
        assert "<a " not in text
        assert "<b>" not in text
        assert "<img" not in text


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
    targets = [(attrs["href"] or "")[1:] for tag, attrs in read().tags if tag == "a"]
    assert set(targets) <= set(ids)


def test_the_same_report_gives_the_same_bytes() -> None:
    assert render(hostile()) == page()


def test_the_twin_holds_the_attacks_as_data_only() -> None:
    text = twin(hostile())
    assert text.isascii()
    assert json.loads(text)["posts"][0]["caption"] == ATTACKS[0]


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
    assert done.stdout.count("svg-container") >= len(figures_of(hostile()))
