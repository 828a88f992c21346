"""The page of one clip holds: nothing from outside, nothing runs, everything is escaped."""

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

import numpy as np
import pytest
from report_case import ATTACKS

from virality.data.clip import Frames
from virality.reports import render
from virality.reports.clip_page import lay_out
from virality.reports.clip_story import clock, place_words, standing_out
from virality.reports.inspection import Curve, Facts, Inspection, Measured, Opposed, Timeline
from virality.reports.render import render_clip
from virality.workflow.film import cut_film, cut_opening
from virality.workflow.terminal_clip import show_inspected

MORE_ATTACKS = (
    *ATTACKS,
    "../../etc/passwd\n.mp4",
    "</title><svg onload=alert(1)>",
    "</style><style>*{display:none}</style>",
    "<!--<script>",
    "\x1b[31mred\x1b[0m\x1b]0;title\x07",
    "javascript:alert(1)",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "data:text/html,<script>alert(1)</script>",
    "${alert(1)} #{1} <%= 1 %> {{ config }}",
    "[bold]markup[/bold] [link=http://evil.example]x[/link]",
)
END_S = 6.0


def noise(seed: int = 0, height: int = 398, count: int = 12) -> Frames:
    """Return frames that compress as badly as frames can."""
    draw = np.random.default_rng(seed)
    times = np.arange(count) * END_S / count
    motion = draw.integers(0, 255, (40, 96, 54), dtype=np.uint8)
    return Frames(
        stills=draw.integers(0, 255, (count, height, 224, 3), dtype=np.uint8),
        still_times_s=times, motion=motion, motion_times_s=np.arange(40) * 0.15, duration_s=END_S,
    )  # fmt: skip


def measured(column: str, value: float, percentile: float, unit: str = "1/s") -> Measured:
    name = column.partition("__")[0]
    return Measured(
        column, name, name.partition("_")[0], unit, "pre", "a meaning", 1, True, value, 0.5,
        percentile, 100 - percentile, percentile, 50,
    )  # fmt: skip


@cache
def inspection(attack: str = "plain") -> Inspection:
    """Return a clip in which every text that comes from outside is the given one."""
    frames = noise()
    curve = Curve((0.0, 1.0, 2.0, 6.0), (-60.0, -3.0, -20.0, -10.0))
    speed = Curve((0.0, 1.0, 2.0, 6.0), (0.0, 0.4, 0.1, 0.2))
    line = Timeline(END_S, curve, speed, speed, ((0.5, 2.0), (3.0, 4.0)), (1.5, 3.5))
    features = (
        replace(measured("text_shape__words", 9.0, 97.0, "words"), meaning=attack),
        Measured("text_embedding__e", "text_embedding", "text", "", "pre", attack, 64, True,
                 float("nan"), posts=50, nearest=attack, similarity=0.91),
        measured("audio_loudness__start_db", 6.0, 99.0, "dB"),
        measured("frames_motion__cut_rate", 2.0, 96.0),
        measured("frames_motion__start_cut_rate", 0.0, 4.0),
        measured("frames_motion__activity", 1.0, 95.0),
        measured("metadata_time__hour", 18.0, 50.0, "h"),
        measured("audio_transcript__words", 8.0, 50.0, "words"),  # an extra, at the end
    )  # fmt: skip
    return Inspection(
        name=attack, status="partial", reason="damaged", explanation="some of it is damaged",
        detail=attack, caption=attack,
        facts=Facts(6.0, 1234567, 576, 1024, 0, 30.0, attack, attack, 44100, 2),
        film=cut_film(frames), opening=cut_opening(frames), timeline=line,
        hook=(Opposed("cuts", 0.3, 0.4, "frames_motion__start_cut_rate"),
              Opposed("level", -12.0, -18.0), Opposed("speech", 0.5, 0.3),
              Opposed("motion", 0.2, 0.1)),
        features=features, others=50, notes=(attack,),
    )  # fmt: skip


class Reader(HTMLParser):
    """Collects what a browser would see."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.bodies: list[tuple[str, str]] = []
        self.text = ""
        self._open = ""
        self.feed(page)

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

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


@cache
def plain() -> Reader:
    return Reader(render_clip(inspection()))


@pytest.mark.parametrize("attack", MORE_ATTACKS)
def test_no_attack_becomes_an_element(attack: str) -> None:
    page = Reader(render_clip(inspection(attack)))
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in plain().tags]
    for _, attrs in page.tags:
        assert not any(name.startswith("on") or name == "style" for name in attrs)
        for name in ("href", "src", "xlink:href"):
            assert (attrs.get(name) or "#").startswith(("#", "data:image/jpeg;base64,"))
    assert json.loads(page.bodies[-2][1])["end"] == END_S
    letters = re.sub(r"\W", "", attack, flags=re.ASCII)
    assert letters in re.sub(r"\W", "", page.text, flags=re.ASCII)


def test_only_scripts_and_sheets_of_known_hash_run() -> None:
    metas = [one for one in plain().named("meta") if "http-equiv" in one]
    policy = metas[0]["content"] or ""
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    bodies = [(kind, body) for kind, body in plain().bodies if not body.startswith("{")]
    assert [kind for kind, _ in bodies] == ["style", "style", "script"]
    for _, body in bodies:
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert not set(plain().bodies[-2][1]) & set("<>&'")


def test_the_page_names_no_address() -> None:
    page = re.sub(r"base64,[A-Za-z0-9+/=]+", "", render_clip(inspection()))
    assert not re.search(r"(https?:)?//[a-z0-9-]+\.[a-z]", page)
    assert "@import" not in page
    assert "url(" not in page


def test_ids_are_unique_and_links_and_labels_lead_somewhere() -> None:
    ids = [attrs["id"] for _, attrs in plain().tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    targets = {(one["href"] or "")[1:] for one in plain().named("a")}
    targets |= {one["for"] or "" for one in plain().named("label")}
    targets |= {one["aria-labelledby"] or "" for one in plain().named("section")}
    assert targets <= set(ids)
    assert all(one.get("alt") for one in plain().named("img"))


def test_the_same_clip_gives_the_same_bytes() -> None:
    again = inspection.__wrapped__("plain")
    assert render_clip(again) == render_clip(inspection())


@pytest.mark.parametrize("height", [398, 896])
def test_pictures_of_noise_still_fit(height: int) -> None:
    frames = noise(height=height)
    clip = replace(inspection(), film=cut_film(frames), opening=cut_opening(frames))
    assert len(render_clip(clip).encode()) <= 2 * 1024 * 1024


def test_positions_lie_on_the_axis() -> None:
    page = lay_out(inspection())
    assert page.hook_ends == "50.000%"
    assert page.cuts == ("25.000%", "58.333%")
    assert page.lanes[0].line == "M0.0,100.0L166.7,5.0L333.3,33.3L1000.0,16.7"
    assert page.lanes[2].bars == (("8.333%", "25.000%"), ("50.000%", "16.667%"))
    assert page.ticks[0] == ("0.000%", "0 s", "first")
    assert page.ticks[-1] == ("100.000%", "6 s", "last")
    assert [name for _, name, _ in page.ticks] == [f"{second} s" for second in range(7)]
    assert page.film[1].x == "8.333%"


def test_what_stands_out_is_named_and_not_of_one_kind_only() -> None:
    labels = [one.label for one in standing_out(inspection())]
    assert labels[0] == "loud first second"
    assert "long caption" in labels
    assert len([one for one in labels if "cuts" in one or "pace" in one]) == 2


def test_places_are_told_truly_where_many_are_equal() -> None:
    one = replace(measured("a__b", 0.0, 0.0), below=0.0, above=38.0, percentile=31.0)
    assert place_words(one) == "the same as 62 in 100"
    one = replace(one, below=10.0, above=60.0, percentile=25.0)
    assert place_words(one) == "lower than 60 in 100"
    one = replace(one, below=100.0, above=0.0, percentile=100.0)
    assert place_words(one) == "higher than all"
    assert clock(59.96, 1) in ("60.0 s", "1:00")


def test_the_terminal_gets_no_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    from virality.workflow.inspect import Inspected

    for attack in MORE_ATTACKS:
        show_inspected(Inspected(inspection(attack), "clip.html"))
    told = capsys.readouterr().out
    assert not set(told) & {chr(code) for code in [*range(10), *range(11, 32), 127, 0x202E]}
    assert "[bold]markup[/bold]" in told
    assert "▁" in told


def dump(folder: Path, page: str) -> str:
    """Return a page as a browser shows it, which must find nothing to complain about."""
    (folder / "clip.html").write_text(page, encoding="utf-8")
    done = subprocess.run(
        [
            "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
            "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", f"--user-data-dir={folder / 'profile'}", "--enable-logging=stderr",
            "--virtual-time-budget=4000", "--window-size=390,3000", "--dump-dom",
            (folder / "clip.html").as_uri(),
        ],
        capture_output=True, text=True, timeout=180, check=True,
    )  # fmt: skip
    assert "CONSOLE" not in done.stderr
    return done.stdout


@pytest.mark.nightly
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs a browser")
def test_a_browser_shows_it_without_a_word_of_complaint(tmp_path: Path) -> None:
    shown = dump(tmp_path, render_clip(inspection(ATTACKS[0])))
    assert 'aria-valuetext="0.0 s' in shown
    assert "<title>pwned" not in shown


@pytest.mark.nightly
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs a browser")
def test_a_browser_searches_and_scrubs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asset = render._asset
    acts = """
      search.value = "cuts"; search.dispatchEvent(new Event("input"));
      show(4);
      cursor.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", shiftKey: true }));
      // On paper"""
    monkeypatch.setattr(render, "_asset", lambda name: asset(name).replace("// On paper", acts))
    shown = dump(tmp_path, render_clip(inspection()))
    assert 'aria-valuetext="5.0 s' in shown
    assert shown.count('class="on"') == 1
    assert '<p id="found" role="status">3 found</p>' in shown
    assert shown.count('<details class="group" open') == 1
