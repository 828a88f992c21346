"""Report -> one self-contained HTML page, and its JSON twin; inspected clip -> its page.

The page carries everything that it needs and its content security policy allows nothing else: no
address, no inline event, no style attribute; the few scripts and sheets are named by their SHA-256.
Captions and names are the text of strangers: jinja2 escapes all of them, everywhere.
"""

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from virality.data.errors import InputError
from virality.reports import words
from virality.reports.clip_page import lay_out
from virality.reports.drawing import Figure
from virality.reports.explain_page import ExplainPage
from virality.reports.figures import figures_of
from virality.reports.figures_pair import pair_figures
from virality.reports.figures_posts import waterfall_figure
from virality.reports.figures_trends import trend_figures
from virality.reports.figures_whatif import dials_of, what_if_figures
from virality.reports.inspection import Inspection
from virality.reports.pairing import Pair, pair_tables
from virality.reports.report import Report
from virality.reports.report_trends import Trends
from virality.reports.strings import counted, say, tongue
from virality.reports.tables import addresses, downloads

if TYPE_CHECKING:
    from jinja2 import Environment

    from virality.modeling.watch import Watch

SCRIPTS = ("report.js", "whatif.js")
SHEETS = ("report.css", "trends.css", "posts.css")
"""What a report's page carries, in order; each is its own element, allowed by its hash."""

PARTS = ("belief", "drivers", "trends", "fit", "posts", "making")
"""Sections of a report, in the order that a reader needs them."""


def render(report: Report) -> str:
    """Return the report as one HTML page: the same bytes for the same report."""
    return render_page(
        "report.html.j2",
        SCRIPTS,
        SHEETS,
        report=report,
        parts=[part for part in PARTS if part != "trends" or report.trends is not None],
        figures={figure.key: figure for figure in figures_of(report)},
        downloads=downloads(report),
        dials=dials_of(report.posts),
        alone=False,
    )


def render_frame(report: Report) -> str:
    """Return an element for a notebook: the page in a frame that can reach nothing around it."""
    from markupsafe import escape

    # Escaped here: the templates' care for numbers must not touch a page that is done.
    with_title = {"page": escape(render(report)), "title": report.subject.title}
    return _environment().get_template("frame.html.j2").render(**with_title)


def render_pair(pair: Pair) -> str:
    """Return two reports side by side as a page: the same bytes for the same values."""
    return render_page(
        "pair.html.j2",
        ("report.js",),
        ("report.css",),
        pair=pair,
        figures={figure.key: figure for figure in pair_figures(pair)},
        downloads=addresses(pair_tables(pair)),
    )


def render_clip(clip: Inspection) -> str:
    """Return one clip's page: the same bytes for the same inspection."""
    return render_page("clip.html.j2", ("clip.js",), ("report.css", "clip.css"), clip=lay_out(clip))


def render_trends(trends: Trends) -> str:
    """Return what is trending as a page of its own: the same bytes for the same values."""
    return render_page(
        "trends_page.html.j2",
        ("report.js",),
        ("report.css", "trends.css"),
        trends=trends,
        figures={figure.key: figure for figure in trend_figures(trends)},
        downloads={},
    )


def render_explained(page: ExplainPage) -> str:
    """Return explained posts as a page: the same bytes for the same values."""
    figures: list[Figure] = []
    for place, post in enumerate(page.posts):
        figures.append(waterfall_figure(place, post, page.unit, page.log, page.counts))
        figures += what_if_figures(place, post, page.unit, page.log, page.counts)
    return render_page(
        "explain.html.j2",
        SCRIPTS,
        ("report.css", "posts.css"),
        page=page,
        alone=len(page.posts) == 1,
        figures={figure.key: figure for figure in figures},
        dials=dials_of(page.posts),
        downloads={},
    )


def render_watch(
    watch: "Watch", *, log: str = "predictions.db", features: str = "features/"
) -> str:
    """Return the page of a monitored model: the same bytes for the same findings.

    Args:
        watch: what was found.
        log: of the predictions, as a command line takes it.
        features: to train again on, likewise.
    """
    from virality.reports.watching import figures_of_watch, tell_watch

    return render_page(
        "watch.html.j2",
        ("report.js",),
        ("report.css",),
        told=tell_watch(watch),
        log=log,
        features=features,
        figures=figures_of_watch(watch),
        downloads={},
    )


def render_page(
    template: str, scripts: Sequence[str], sheets: Sequence[str], **values: object
) -> str:
    """Return a page that carries its scripts and sheets, under a policy that allows only those.

    Args:
        template: a template of the folder, which shows `policy`, `sheets` and `scripts`.
        scripts: files of the folder, in order.
        sheets: files of the folder, in order.
        values: what else the template shows.
    """
    script_texts = tuple(_asset(name) for name in scripts)
    sheet_texts = tuple(_asset(name) for name in sheets)
    return (
        _environment()
        .get_template(template)
        .render(
            scripts=script_texts,
            sheets=sheet_texts,
            policy=_policy(script_texts, sheet_texts),
            version=_version(),
            **values,
        )
    )


@cache
def policy_of(sheets: tuple[str, ...], script: str) -> str:
    """Return the content security policy of a page of a server: it talks to that server alone."""
    own = _policy((_asset(script),), tuple(_asset(name) for name in sheets))
    own = own.replace("form-action 'none'", "form-action 'self'")
    return f"{own}; connect-src 'self'; frame-ancestors 'none'"


def twin(report: Report) -> str:
    """Return the report's numbers and words as JSON."""
    return report.to_json()


def read_drivers(path: Path, most: int = 6) -> tuple[str, ...]:
    """Return the labels of the strongest drivers from a twin on disk, strongest first.

    Raises:
        InputError: if the file is missing or no twin.
    """
    try:
        drivers = json.loads(path.read_text(encoding="utf-8"))["explained"]["features"]
        return tuple(str(driver["label"]) for driver in drivers[:most])
    except OSError as error:
        raise InputError(f"{path}: cannot read the report's twin: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not the JSON twin of a report") from error


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("virality.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        finalize=_unbroken,
    )
    environment.globals.update({"say": say, "counted": counted, "tongue": tongue})
    environment.filters.update(
        {
            name: getattr(words, name)
            for name in ("amount", "fixed", "percent", "significant", "spread")
        }
        | {"tiny": "{:.0e}".format, "whole": words.whole, "tidy": words.tidy}
    )
    return environment


def _unbroken(value: object) -> object:
    """Return text in which no line breaks between a number and its sign: `80 %`, `40 k`."""
    from markupsafe import Markup

    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return re.sub(r"(?<=\d) (?=(?:%|k|M|bn)(?:\W|$))", "\u00a0", value)


def _asset(name: str) -> str:
    """Return a file of the templates folder as the page will hold it: line feeds only."""
    text = files("virality.reports").joinpath("templates", name).read_text(encoding="utf-8")
    return text.replace("\r\n", "\n")


def _policy(scripts: tuple[str, ...], sheets: tuple[str, ...]) -> str:
    """Return the content security policy: nothing but these scripts and sheets."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join(_digest(text) for text in scripts)}",
            f"style-src {' '.join(_digest(text) for text in sheets)}",
            "img-src data: blob:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _version() -> str:
    try:
        return version("virality")
    except PackageNotFoundError:
        return ""
