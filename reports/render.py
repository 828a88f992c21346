"""Report -> one self-contained HTML page, and its JSON twin; inspected clip -> its page.

The page carries everything that it needs and its content security policy allows nothing else: no
address, no inline event, no style attribute; the few scripts and sheets are named by their SHA-256.
Captions and names are the text of strangers: jinja2 escapes all of them, and figures travel as JSON
in which `<`, `>`, `&` and quotes are written as escapes.
"""

import base64
import hashlib
import json
import re
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from virality.data.errors import InputError
from virality.reports import words
from virality.reports.clip_page import lay_out
from virality.reports.drawing import Figure, bundle
from virality.reports.figures import figures_of
from virality.reports.inspection import Inspection
from virality.reports.report import Report
from virality.reports.strings import say

if TYPE_CHECKING:
    from jinja2 import Environment

    from virality.modeling.watch import Watch

NO_SHEET = ""
"""Plotly adds rules to an empty sheet of its own; an empty one is allowed by its hash."""


def render(report: Report) -> str:
    """Return the report as one HTML page: the same bytes for the same report."""
    figures = figures_of(report)
    styles, script, plotly = _asset("report.css"), _asset("report.js"), _plotly()
    page = _environment().get_template("report.html.j2")
    return page.render(
        report=report,
        figures={figure.key: figure for figure in figures},
        drawings={figure.key: _drawing(figure) for figure in figures},
        styles=styles,
        script=script,
        plotly=plotly,
        policy=_policy((script, plotly), (styles, NO_SHEET)),
        map_sheet=_map_sheet(plotly),
        version=_version(),
    )


def render_clip(clip: Inspection) -> str:
    """Return one clip's page: the same bytes for the same inspection. It draws without plotly."""
    styles = _asset("report.css") + _asset("clip.css")
    script = _asset("clip.js")
    page = _environment().get_template("clip.html.j2")
    return page.render(
        clip=lay_out(clip),
        styles=styles,
        script=script,
        policy=_policy((script,), (styles,)),
        version=_version(),
    )


def render_watch(watch: "Watch") -> str:
    """Return the page of a monitored model: the same bytes for the same findings."""
    from virality.reports.watching import figures_of_watch, tell_watch

    figures = figures_of_watch(watch)
    styles, script, plotly = _asset("report.css"), _asset("report.js"), _plotly()
    return (
        _environment()
        .get_template("watch.html.j2")
        .render(
            told=tell_watch(watch),
            figures=figures,
            drawings={figure.key: _drawing(figure) for figure in figures},
            styles=styles,
            script=script,
            plotly=plotly,
            policy=_policy((script, plotly), (styles, NO_SHEET)),
            map_sheet=_map_sheet(plotly),
            version=_version(),
        )
    )


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
    environment.globals["say"] = say
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


def _drawing(figure: Figure) -> dict[str, Any]:
    return {"data": list(figure.data), "layout": dict(figure.layout)}


def _asset(name: str) -> str:
    """Return a file of the templates folder as the page will hold it: line feeds only."""
    text = files("virality.reports").joinpath("templates", name).read_text(encoding="utf-8")
    return text.replace("\r\n", "\n")


@cache
def _plotly() -> str:
    """Return plotly's script, which must not be able to end its element."""
    script = bundle().replace("\r\n", "\n").replace("\r", "\n")
    return script.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _map_sheet(plotly: str) -> str:
    """Return the id under which the maps in plotly's script look for their style sheet.

    They would add one at once, map or no map, and the policy would complain in the console; where
    an element of that id stands already they do not.
    """
    found = re.search(r'getElementById\("([0-9a-f]{64})"\)', plotly)
    return found.group(1) if found else "map-sheet"


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
