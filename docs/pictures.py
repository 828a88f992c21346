"""Take the pictures of the tour from the demo's report in headless Chromium.

`make pictures` makes the demo, explains one of its clips, and calls this with both pages. Pictures
go to `docs/pictures/`. It needs Playwright and Debian's Chromium (`make browser`).
"""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).parent / "pictures"
MOST_BYTES = 150_000
COLOURS = 128
"""Enough for a page's few colours with their soft edges, in a quarter of the bytes."""


class Shot(NamedTuple):
    """What one picture shows.

    Attributes:
        element: the window's top is scrolled to it.
        height: of the window, in pixels.
        unfold: `<details>` to open first, nothing if empty.
        phone: a narrow window in the dark theme, not a desk's in the light one.
    """

    element: str
    height: int = 760
    unfold: str = ""
    phone: bool = False


REPORT: Mapping[str, Shot] = {
    "belief": Shot("#belief-title"),
    "drivers": Shot("#drivers-title"),
    "swarm": Shot("#figure-swarm"),
    "dependence": Shot(".pair:has(#figure-dependence-0)"),
    "trends": Shot("#trends", 1020),
    "fit": Shot("#fit"),
    "post": Shot("#post-1", 620),
    "waterfall": Shot("#post-1 details.more", 640, unfold="#post-1 details.more"),
    "whatif": Shot("#post-1 .whatif", 900, unfold="#post-1 .whatif"),
    "making": Shot("#making", 1130),
    "phone": Shot("#belief-title", 844, phone=True),
}
FILM: Mapping[str, Shot] = {"film": Shot("article.post", 620)}
"""Name of the picture -> what it shows, of the report and of an explained clip."""


def take(browser: Any, page: Path, name: str, shot: Shot) -> Path:
    """Write one picture of a window scrolled to an element, and return its path."""
    tab = browser.new_page(
        viewport={"width": 390 if shot.phone else 1080, "height": shot.height},
        color_scheme="dark" if shot.phone else "light",
        reduced_motion="reduce",  # the page scrolls smoothly otherwise, and is caught on its way
    )
    tab.goto(page.resolve().as_uri())
    if shot.unfold:
        tab.evaluate(
            "all => document.querySelectorAll(all).forEach(one => { one.open = true })", shot.unfold
        )
    tab.locator(shot.element).first.evaluate(
        "one => window.scrollTo(0, one.getBoundingClientRect().top + window.scrollY - 12)"
    )
    path = FOLDER / f"{name}.png"
    tab.screenshot(path=path)
    tab.close()
    with_fewer_colours(path)
    if path.stat().st_size > MOST_BYTES:
        raise SystemExit(f"{path.name} has {path.stat().st_size} bytes, more than {MOST_BYTES}")
    return path


def with_fewer_colours(path: Path) -> None:
    """Write a picture anew with a palette."""
    import av
    from av.filter import Graph

    with av.open(str(path)) as picture:
        frame = next(picture.decode(video=0))
    graph = Graph()
    start = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format,
                             time_base=frame.time_base)  # fmt: skip
    halves, palette = graph.add("split"), graph.add("palettegen", f"{COLOURS}:0")
    mapped, end = graph.add("paletteuse", "dither=none"), graph.add("buffersink")
    start.link_to(halves)
    halves.link_to(mapped, 0, 0)
    halves.link_to(palette, 1, 0)
    palette.link_to(mapped, 0, 1)
    mapped.link_to(end)
    graph.configure()
    graph.push(frame)
    graph.push(None)
    encoder: Any = av.CodecContext.create("png", "w")
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, "pal8"
    encoder.time_base = frame.time_base
    drawn = graph.pull()
    path.write_bytes(b"".join(bytes(one) for one in [*encoder.encode(drawn), *encoder.encode()]))


def main() -> None:
    """Take the pictures of the report and, where it is given, of explained clips."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("There is no Chromium: `make browser` installs it.")
    FOLDER.mkdir(exist_ok=True)
    pages = [Path(one) for one in sys.argv[1:3]]
    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for page, shots in zip(pages, (REPORT, FILM), strict=False):
            for name, shot in shots.items():
                print(take(browser, page, name, shot))
        browser.close()


if __name__ == "__main__":
    main()
