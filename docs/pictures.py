"""Take the pictures of the tour from the demo's report in headless Chromium.

`make pictures` makes the demo, explains one of its clips, and calls this with both pages. Pictures
go to `docs/pictures/`. It needs Playwright and Debian's Chromium (`make browser`).
"""

import shutil
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "pictures"
DESK, PHONE = {"width": 1080, "height": 760}, {"width": 390, "height": 844}
SHOTS = {
    "belief": ("#belief-title", DESK, "light"),
    "drivers": ("#figure-features", DESK, "light"),
    "swarm": ("#figure-swarm", DESK, "light"),
    "trends": ("#trends", DESK, "light"),
    "fit": ("#fit", DESK, "light"),
    "making": ("#making", DESK, "light"),
    "phone": ("#belief-title", PHONE, "dark"),
}
"""Name of the picture -> where the window is scrolled to, its size, and the theme."""

FILM = {"film": (".film-strip", DESK, "light")}
MOST_BYTES = 150_000


def take(browser: Any, page: Path, name: str, shot: tuple[str, dict[str, int], str]) -> Path:
    """Write one picture of a window scrolled to an element, and return its path."""
    element, size, scheme = shot
    tab = browser.new_page(viewport=size, color_scheme=scheme)
    tab.goto(page.resolve().as_uri())
    tab.locator(element).first.evaluate(
        "one => window.scrollTo(0, one.getBoundingClientRect().top + window.scrollY - 24)"
    )
    path = FOLDER / f"{name}.png"
    tab.screenshot(path=path)
    tab.close()
    if path.stat().st_size > MOST_BYTES:
        raise SystemExit(f"{path.name} has {path.stat().st_size} bytes, more than {MOST_BYTES}")
    return path


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
        for page, shots in zip(pages, (SHOTS, FILM), strict=False):
            for name, shot in shots.items():
                print(take(browser, page, name, shot))
        browser.close()


if __name__ == "__main__":
    main()
