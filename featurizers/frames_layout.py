"""How a picture is laid out: sharpness, edges, text on it, bars around it, symmetry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from virality.data.clip import ByteArray, FloatArray, Frames
from virality.data.matrix import Column, Modality
from virality.featurizers.opencv import load_opencv
from virality.featurizers.rows import NAN, stack_rows

EDGE_LOW, EDGE_HIGH = 100, 200
BAR_TOLERANCE = 6
"""Grey levels by which a bar's pixels may differ over the whole clip: compression adds a few."""

LARGEST_BAR_SHARE = 0.45
TEXT_HEIGHT = (0.012, 0.12)
"""Heights of a line of text, as shares of the picture's long side."""

STROKES = 1.2
"""Least changes between stroke and ground in a stretch as long as the line is high; text has 2."""

_MEASURES: Mapping[str, tuple[str, str]] = {
    "sharpness_log10": ("log10", "variance of the Laplacian: low for blurred pictures"),
    "edge_share": ("share", "pixels on an edge"),
    "text_like_share": ("share", "area that looks like lines of text"),
    "text_like_top_share": ("share", "upper third that looks like lines of text"),
    "text_like_bottom_share": ("share", "lower third that looks like lines of text"),
    "symmetry": ("-1 to 1", "correlation of the picture with its mirror image"),
    "centre_edge_ratio": ("ratio", "edges in the middle ninth over edges everywhere"),
}


def _columns() -> tuple[Column, ...]:
    made = []
    for name, (unit, meaning) in _MEASURES.items():
        made.append(Column(name, "frames", unit, meaning=f"{meaning}, over the clip"))
        made.append(Column(f"first_{name}", "frames", unit, meaning=f"{meaning}, first frame"))
    bars = (
        ("bars_share", "picture covered by plain bars that never change"),
        ("bars_level_share", "height that plain bars above and below cover"),
        ("bars_upright_share", "width that plain bars left and right cover"),
    )
    made += [Column(name, "frames", "share", meaning=meaning) for name, meaning in bars]
    return tuple(made)


COLUMNS = _columns()


@dataclass(frozen=True)
class FramesLayout:
    """Laplacian variance (Pech-Pacheco et al. 2000), Canny edges (1986), text by morphology, bars.

    Text is looked for in the manner of Wolf and Jolion (2004): strong gradients, joined along the
    line by a closing, kept where a piece has the height, width and filling of a line of text. It
    finds text-like texture, and does not read.
    """

    modality: Modality = "frames"
    version: str = "1"

    @property
    def columns(self) -> tuple[Column, ...]:
        """What it returns, in order."""
        return COLUMNS

    def extract(self, batch: Sequence[Frames]) -> FloatArray:
        """Return shape (len(batch), 17); symmetry and centre are NaN for plain pictures."""
        return stack_rows((_measure(frames) for frames in batch), self.columns)


def _measure(frames: Frames) -> Mapping[str, float]:
    cv2 = load_opencv()
    greys = [cv2.cvtColor(still, cv2.COLOR_RGB2GRAY) for still in frames.stills]
    if not greys:
        return {}
    stills = [_measure_still(grey) for grey in greys]
    row = {}
    for name in _MEASURES:
        values = np.array([still[name] for still in stills])
        known = values[np.isfinite(values)]
        row[name] = float(known.mean()) if len(known) else NAN
        row[f"first_{name}"] = float(values[0])
    return row | _bars(np.stack(greys))


def _measure_still(grey: ByteArray) -> dict[str, float]:
    cv2 = load_opencv()
    edges = cv2.Canny(grey, EDGE_LOW, EDGE_HIGH) > 0
    height, width = grey.shape
    middle = edges[height // 3 : height - height // 3, width // 3 : width - width // 3]
    text = find_text(grey)
    sharpness = float(cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_32F))[1].item() ** 2)
    return {
        "sharpness_log10": float(np.log10(1 + sharpness)),
        "edge_share": float(edges.mean()),
        "text_like_share": float(text.mean()),
        "text_like_top_share": float(text[: height // 3].mean()),
        "text_like_bottom_share": float(text[height - height // 3 :].mean()),
        "symmetry": _symmetry(grey),
        "centre_edge_ratio": float(middle.mean() / edges.mean()) if edges.any() else NAN,
    }


def _symmetry(grey: ByteArray) -> float:
    cv2 = load_opencv()
    # Averaged down, so that it speaks of the layout and not of the texture.
    small = cv2.resize(grey, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float64)
    centred = small - small.mean()
    power = float(np.square(centred).sum())
    return float((centred * centred[:, ::-1]).sum()) / power if power > 1 else NAN


def find_text(grey: ByteArray) -> npt.NDArray[np.bool_]:
    """Return which pixels lie in something that looks like a line of text.

    Args:
        grey: uint8, shape (height, width).
    """
    cv2 = load_opencv()
    long_side = max(grey.shape)
    square = cv2.getStructuringElement(cv2.MORPH_RECT, (3, 3))
    gradient = cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, square)
    # Letters stand out from what is behind them by more than noise or a soft edge does.
    strong = cv2.threshold(gradient, 70, 255, cv2.THRESH_BINARY)[1]
    reach = max(3, round(0.03 * long_side))
    along = cv2.getStructuringElement(cv2.MORPH_RECT, (reach, 1))
    joined = cv2.morphologyEx(strong, cv2.MORPH_CLOSE, along)
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(joined, connectivity=4)
    kept = np.zeros(count, dtype=bool)
    for number in range(1, count):
        kept[number] = _is_line(boxes[number], strong, long_side)
    return np.asarray(kept[labels], dtype=bool)


def _is_line(box: npt.NDArray[np.int32], strong: ByteArray, long_side: int) -> bool:
    left, top, width, height, area = (int(value) for value in box)
    if not TEXT_HEIGHT[0] * long_side <= height <= TEXT_HEIGHT[1] * long_side:
        return False
    if width < 2 * height or area < 0.45 * width * height:
        return False
    inside = strong[top : top + height, left : left + width] > 0
    # Strokes come and go along a line; a plain edge or a stripe does so hardly at all.
    changes = np.count_nonzero(inside[:, 1:] != inside[:, :-1]) / height
    return bool(0.2 < inside.mean() < 0.95 and changes > STROKES * width / height)


def _bars(greys: ByteArray) -> dict[str, float]:
    """Return the share of plain, unchanging bars; greys has shape (n, height, width)."""
    top, bottom = _run(greys), _run(greys[:, ::-1])
    turned = greys.transpose(0, 2, 1)
    left, right = _run(turned), _run(turned[:, ::-1])
    level, upright = top + bottom, left + right
    return {
        "bars_share": 1 - (1 - level) * (1 - upright),
        "bars_level_share": level,
        "bars_upright_share": upright,
    }


def _run(greys: ByteArray) -> float:
    """Return the share of rows, from the first on, that all have the colour of the corner."""
    lowest, highest = greys.min(axis=(0, 2)), greys.max(axis=(0, 2))
    corner = int(greys[0, 0, 0])
    plain = (lowest >= corner - BAR_TOLERANCE) & (highest <= corner + BAR_TOLERANCE)
    rows = len(plain) if plain.all() else int(np.argmin(plain))
    share = rows / len(plain)
    # A plain picture is no bar: nothing is framed.
    return share if share <= LARGEST_BAR_SHARE else 0.0
