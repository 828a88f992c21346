"""Opening a media file and reading its packets; runs in the fenced child only.

This module and its neighbours `picture`, `scaling` and `sound` are the only ones that touch PyAV
for reading.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from virality.data.clip import IntArray, TimeArray
from virality.data.limits import Limits

KEEP_BYTES = 64_000_000
"""Packets of files up to this size are kept after demuxing; larger files are read twice."""

H264_OPTIONS = (("skip_loop_filter", "noref"),)
"""The loop filter is left out on frames that nothing refers to: 4 to 8 % of the time, stills differ
by 0.06 of 255 levels on average and 8 at most, the cosine of embeddings is over .999. On all frames
between keyframes it would save 20 %, but errors drift until the next one (cosine .978)."""

NO_PTS = np.iinfo(np.int64).min
_ENCRYPTED_TAGS = ("encv", "enca", "drmi", "drms")


class RefusedError(Exception):
    """A file that cannot be used; the argument is a name of REASONS."""

    @property
    def reason(self) -> str:
        """Name of the reason."""
        return str(self.args[0])


@dataclass(frozen=True)
class Track:
    """Packets of one stream in the order of the file, as plain arrays of shape (n,).

    Times are in units of the stream's time base; `pts` is NO_PTS where the file states none.
    """

    pts: IntArray
    durations: IntArray
    sizes: IntArray
    key: IntArray
    shown: IntArray
    time_base_s: float

    def __len__(self) -> int:
        return len(self.pts)

    @property
    def timed(self) -> bool:
        """Whether every packet has its own time, so that frames can be wanted by time."""
        return len(self) > 0 and NO_PTS not in self.pts and len(set(self.pts)) == len(self)

    @property
    def start_s(self) -> float:
        """When the first shown packet is due, NaN if no packet has a time."""
        known = self.pts[(self.pts != NO_PTS) & (self.shown == 1)]
        return float(known.min() * self.time_base_s) if len(known) else float("nan")

    @property
    def end_s(self) -> float:
        """When the last shown packet ends, NaN if no packet has a time."""
        keep = (self.pts != NO_PTS) & (self.shown == 1)
        if not keep.any():
            return float("nan")
        last = int(np.argmax(np.where(keep, self.pts, NO_PTS)))
        length = self.durations[last] or self._step()
        return float((self.pts[last] + length) * self.time_base_s)

    def _step(self) -> int:
        known = np.sort(self.pts[self.pts != NO_PTS])
        return int(np.median(np.diff(known))) if len(known) > 1 else 0


@dataclass
class Source:
    """An open container with the one picture and the one sound that a player would choose."""

    container: Any
    video: Any
    audio: Any
    video_track: Track
    audio_track: Track
    kept: list[Any] | None
    reopen: Any

    def packets(self) -> Iterator[Any]:
        """Yield the packets of both streams in the order of the file."""
        if self.kept is not None:
            yield from self.kept
        else:
            self.container.close()
            self.container, self.video, self.audio = self.reopen()
            yield from _demux(self.container, self.video, self.audio)

    @property
    def zero_s(self) -> float:
        """Time of the file that a player calls 0: when the first picture or sound is due."""
        starts = [self.video_track.start_s, self.audio_start_s]
        known = [start for start in starts if np.isfinite(start)]
        return min(known) if known else 0.0

    @property
    def audio_start_s(self) -> float:
        """When the sound is due by the file's own times, NaN if that is unknown."""
        if self.audio is None:
            return float("nan")
        if self.audio.start_time is not None:  # leaves out the priming that a player drops
            return float(self.audio.start_time * self.audio.time_base)
        return self.audio_track.start_s

    @property
    def audio_delay_s(self) -> float:
        """How long after 0 the sound begins."""
        start = self.audio_start_s
        return max(0.0, start - self.zero_s) if np.isfinite(start) else 0.0

    @property
    def encrypted(self) -> bool:
        """Whether a stream says that it is encrypted."""
        tags = [stream.codec_context.codec_tag for stream in (self.video, self.audio) if stream]
        return any(tag in _ENCRYPTED_TAGS for tag in tags)


def open_source(path: str, demuxer: str, size_bytes: int, limits: Limits) -> Source:
    """Open a file with the named demuxer and read all its packets.

    Raises:
        RefusedError: if there is nothing to decode or a limit is passed.
        av.FFmpegError: if the container cannot be opened.
    """

    def opened() -> tuple[Any, Any, Any]:
        return _open(path, demuxer, limits)

    container, video, audio = opened()
    if video is None and audio is None:
        decodable = any(stream.codec_context is not None for stream in container.streams)
        raise RefusedError(
            "no_streams" if decodable or not len(container.streams) else "no_decoder"
        )
    kept: list[Any] | None = [] if size_bytes <= KEEP_BYTES else None
    rows: dict[int, list[tuple[int, int, int, int, int]]] = {}
    for packet in _demux(container, video, audio):
        row = rows.setdefault(packet.stream_index, [])
        row.append(_facts(packet))
        if packet.stream.type == "video" and len(row) > limits.frames:
            raise RefusedError("too_many_frames")
        if kept is not None:
            kept.append(packet)
    tracks = [_track(rows, stream) for stream in (video, audio)]
    return Source(container, video, audio, tracks[0], tracks[1], kept, opened)


def _open(path: str, demuxer: str, limits: Limits) -> tuple[Any, Any, Any]:
    import av

    container = av.open(
        f"file:{path}",
        format=demuxer,
        options={
            "protocol_whitelist": "file",
            "format_whitelist": demuxer,
            "max_pixels": str(limits.width * limits.height),
            "threads": "1",
        },
        metadata_errors="replace",
    )
    video = _first(container.streams.video, container.streams.best("video"))
    if video is not None and video.codec_context.name == "h264":
        video.codec_context.options = dict(H264_OPTIONS)
    audio = _first(container.streams.audio, container.streams.best("audio"))
    return container, video, audio


def _first(streams: Any, best: Any) -> Any:
    from av.stream import Disposition

    ordered = ([best] if best is not None else []) + list(streams)
    for stream in ordered:
        cover = stream.disposition & Disposition.attached_pic
        if stream.codec_context is not None and not cover:
            return stream
    return None


def _demux(container: Any, video: Any, audio: Any) -> Iterator[Any]:
    """Yield packets until the end or until the file breaks off: what came before still counts."""
    import av

    wanted = [stream for stream in (video, audio) if stream is not None]
    try:
        for packet in container.demux(wanted):
            if packet.size:
                yield packet
    except (av.FFmpegError, IndexError):
        return


def _facts(packet: Any) -> tuple[int, int, int, int, int]:
    pts = NO_PTS if packet.pts is None else packet.pts
    shown = not packet.is_discard
    return pts, packet.duration or 0, packet.size, int(packet.is_keyframe), int(shown)


def _track(rows: dict[int, list[tuple[int, int, int, int, int]]], stream: Any) -> Track:
    found = rows.get(stream.index, []) if stream is not None else []
    table = np.array(found, dtype=np.int64).reshape(-1, 5).T
    base = float(stream.time_base) if stream is not None and stream.time_base else 1.0
    return Track(table[0], table[1], table[2], table[3], table[4], base)


def shown_times_s(track: Track, zero_s: float) -> TimeArray:
    """Return when each shown packet is presented, increasing; NaN times are left out."""
    keep = (track.pts != NO_PTS) & (track.shown == 1)
    return np.sort(track.pts[keep]) * track.time_base_s - zero_s
