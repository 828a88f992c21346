"""From a decoded frame to a small upright one; runs in the fenced child only."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from virality.data.clip import ByteArray
from virality.data.light import is_ordinary, matrix_of, to_grey, to_screen


@dataclass
class Shape:
    """How stored pictures become upright ones with square pixels.

    Attributes:
        width, height: as stored, but for the pixel aspect.
        rotation_deg: clockwise.
        mirrored: whether left and right are changed over after the turn.
    """

    width: int
    height: int
    rotation_deg: int
    mirrored: bool = False

    @property
    def upright(self) -> tuple[int, int]:
        """(width, height) as shown."""
        turned = self.rotation_deg % 180 == 90
        return (self.height, self.width) if turned else (self.width, self.height)


def shape_of(stream: Any, frame: Any) -> Shape:
    """Return how a stream's frames are to be shown: pixel aspect and rotation applied."""
    aspect = stream.sample_aspect_ratio
    width = frame.width
    if aspect is not None and aspect > 0 and 0.1 <= float(aspect) <= 10:
        width = max(1, round(width * float(aspect)))
    quarter_turns = round(-frame.rotation / 90) % 4  # PyAV counts against the clock
    mirrored = _is_mirrored(frame)
    if mirrored:  # PyAV looks at the first row, of which a mirror has changed the sign
        quarter_turns = (2 - quarter_turns) % 4
    return Shape(width, frame.height, 90 * quarter_turns, mirrored)


def _is_mirrored(frame: Any) -> bool:
    """Tell whether a frame's display matrix mirrors it, as some front cameras ask for."""
    found = frame.side_data.get("DISPLAYMATRIX")
    if found is None:
        return False
    matrix = np.frombuffer(found, np.int32)[:9].astype(np.float64)
    return bool(matrix[0] * matrix[4] < matrix[1] * matrix[3])


def scaled(frame: Any, size_of: Any, pixels: str, shape: Shape) -> ByteArray:
    """Return a frame scaled by libswscale's bilinear filter, upright.

    The filter widens when it shrinks, so that every pixel counts. The flags ask for the C paths,
    whose result is the same on every processor. Of an interlaced frame only the upper field counts:
    the lower one is of another moment, and what moves between the two would have combs for edges.
    """
    from av.video.reformatter import Interpolation

    flags = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
    width, height = size_of(shape.width, shape.height)
    curve, primaries = frame.color_trc, frame.color_primaries
    ordinary = is_ordinary(curve, primaries)
    kind = pixels if ordinary else "rgb48le"
    if not frame.format.is_rgb:
        frame.colorspace = matrix_of(frame.colorspace, frame.width, frame.height, curve, primaries)
    whole = upper_field(frame) if frame.interlaced_frame else frame
    made = _scaler(pixels).reformat(whole, width, height, kind, interpolation=flags, threads=1)
    small = made.to_ndarray()
    if not ordinary:
        small = to_screen(small, curve, primaries)
        small = to_grey(small) if pixels == "gray" else small
    turned = np.rot90(small, -shape.rotation_deg // 90)
    return np.ascontiguousarray(turned[:, ::-1] if shape.mirrored else turned)


_scalers: dict[str, Any] = {}
"""One a use, as a scaler keeps its tables as long as the sizes stay the same."""


def _scaler(pixels: str) -> Any:
    from av.video.reformatter import VideoReformatter

    if pixels not in _scalers:
        _scalers[pixels] = VideoReformatter()
    return _scalers[pixels]


_splitters: dict[tuple[int, int, str], Any] = {}
"""The graph for the last kind of frame, by its size and format; a clip has one kind as a rule."""


def upper_field(frame: Any) -> Any:
    """Return every second line of a frame, from the first one on; nothing is copied."""
    kind = (frame.width, frame.height, frame.format.name)
    if kind not in _splitters:
        _splitters.clear()
        _splitters[kind] = _splitter(frame)
    graph = _splitters[kind]
    graph.vpush(frame)
    return graph.vpull()


def _splitter(frame: Any) -> Any:
    from av.filter import Graph

    graph = Graph()
    graph.threads = 1  # the child may start none
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 25)
    )
    graph.link_nodes(source, graph.add("field", "type=top"), graph.add("buffersink"))
    graph.configure()
    return graph
