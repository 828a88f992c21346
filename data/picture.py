"""From packets to sampled frames: decode no more than is looked at; runs in the fenced child only.

Where packets have times, only the groups of pictures that hold a wanted frame are decoded, each up
to its last wanted frame, without the frames that nothing refers to. Frames are bit-identical to a
plain decode. Where that misses a wanted frame, the file is decoded plainly from start to end.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from virality.data.clip import ByteArray, Frames, TimeArray
from virality.data.container import RefusedError, Source, Track, shown_times_s
from virality.data.limits import Limits
from virality.data.sampling import (
    EPSILON_S,
    Plan,
    motion_size,
    motion_times_s,
    sample,
    still_size,
    still_times_s,
)

SKIPPABLE_CODECS = ("h264", "mpeg4", "mpeg2video", "mpeg1video")
"""Codecs whose decoder knows for certain which pictures nothing refers to."""

WORTH_SKIPPING = 30
"""Packets at a group's end that are worth leaving out: where the next group, against the rules,
does refer to them, the whole file has to be decoded a second time."""

SPARE_PICTURES = 4
"""How many pictures must still fit into memory for a decoder's failure to be the file's fault."""


@dataclass
class Shape:
    """How stored pictures become upright ones with square pixels; `rotation_deg` is clockwise."""

    width: int
    height: int
    rotation_deg: int

    @property
    def upright(self) -> tuple[int, int]:
        """(width, height) as shown."""
        turned = self.rotation_deg % 180 == 90
        return (self.height, self.width) if turned else (self.width, self.height)


@dataclass
class Taken:
    """Frames taken so far, by their time in seconds."""

    shape: Shape
    stills: dict[float, ByteArray] = field(default_factory=dict)
    motion: dict[float, ByteArray] = field(default_factory=dict)

    def take(self, frame: Any, time_s: float, still: bool, motion: bool) -> None:
        """Scale a decoded frame to what it is wanted for."""
        if still:
            self.stills[time_s] = scaled(frame, still_size, "rgb24", self.shape)
        if motion:
            self.motion[time_s] = scaled(frame, motion_size, "gray", self.shape)


@dataclass(frozen=True)
class Picture:
    """Sampled frames; how many packets the decoder objected to; when the last frame ends."""

    frames: Frames | None
    shape: Shape | None
    failures: int
    end_s: float


def shape_of(stream: Any, frame: Any) -> Shape:
    """Return how a stream's frames are to be shown: pixel aspect and rotation applied."""
    aspect = stream.sample_aspect_ratio
    width = frame.width
    if aspect is not None and aspect > 0 and 0.1 <= float(aspect) <= 10:
        width = max(1, round(width * float(aspect)))
    quarter_turns = round(-frame.rotation / 90) % 4  # PyAV counts against the clock
    return Shape(width, frame.height, 90 * quarter_turns)


def scaled(frame: Any, size_of: Any, pixels: str, shape: Shape) -> ByteArray:
    """Return a frame scaled by libswscale's bilinear filter, upright.

    The filter widens when it shrinks, so that every pixel counts. The flags ask for the C paths,
    whose result is the same on every processor.
    """
    from av.video.reformatter import Interpolation

    flags = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
    width, height = size_of(shape.width, shape.height)
    small = frame.reformat(width, height, pixels, interpolation=flags, threads=1)
    return np.ascontiguousarray(np.rot90(small.to_ndarray(), -shape.rotation_deg // 90))


def decode_picture(source: Source, limits: Limits) -> Picture:
    """Decode the sampled frames of a source's picture.

    Raises:
        RefusedError: if the picture passes a limit.
    """
    stream, track = source.video, source.video_track
    context = stream.codec_context
    context.thread_count = 1
    if context.width > limits.width or context.height > limits.height:
        raise RefusedError("too_many_pixels")
    times = shown_times_s(track, source.zero_s)
    if track.timed and len(times):
        end_s = track.end_s - source.zero_s
        plan = sample(times, end_s)
        taken = _wanted_only(source, plan)
        if taken is not None:
            return Picture(_frames(taken, float(end_s - times[0])), taken.shape, 0, end_s)
        context.flush_buffers()
    return _plainly(source, limits)


def _frames(taken: Taken, duration_s: float) -> Frames | None:
    if not taken.stills or not taken.motion:
        return None
    return Frames(
        np.stack([taken.stills[time] for time in sorted(taken.stills)]),
        np.array(sorted(taken.stills)),
        np.stack([taken.motion[time] for time in sorted(taken.motion)]),
        np.array(sorted(taken.motion)),
        duration_s,
    )


def _decoded(context: Any, packet: Any) -> tuple[list[Any], bool]:
    """Return the frames that a packet completes, and whether the decoder was content with it."""
    import av

    try:
        return context.decode(packet), True
    except MemoryError:
        raise RefusedError("memory_limit") from None
    except (av.FFmpegError, IndexError, ValueError):
        _check_memory(context.width * context.height)
        return [], False


def _check_memory(pixels: int) -> None:
    """Blame the memory limit for a failure if a few more pictures would not fit.

    A decoder that gets no memory calls the data invalid, and the clip would look damaged.
    """
    try:
        np.empty(SPARE_PICTURES * 3 * pixels, np.uint8)
    except MemoryError:
        raise RefusedError("memory_limit") from None


def _video_packets(source: Source) -> Iterator[Any]:
    for packet in source.packets():
        if packet.stream_index == source.video.index:
            yield packet


def _wanted_only(source: Source, plan: Plan) -> Taken | None:
    """Decode the wanted frames and what they refer to; None if one of them did not come."""
    track, context = source.video_track, source.video.codec_context
    ordered = np.sort(track.pts[track.shown == 1])
    stills = {int(pts) for pts in ordered[plan.stills]}
    motion = {int(pts) for pts in ordered[plan.motion]}
    wanted = stills | motion
    needed = _needed(track, wanted)
    skips = context.name in SKIPPABLE_CODECS
    taken: Taken | None = None
    left = len(wanted)
    for packet, feed in zip(_video_packets(source), needed, strict=False):
        if not feed:
            continue
        context.skip_frame = "DEFAULT" if not skips or packet.pts in wanted else "NONREF"
        frames, fine = _decoded(context, packet)
        if not fine:
            return None
        for frame in frames:
            taken, left = _keep(source, taken, frame, stills, motion, left)
    context.skip_frame = "DEFAULT"
    for frame in _decoded(context, None)[0]:
        taken, left = _keep(source, taken, frame, stills, motion, left)
    return taken if left == 0 else None


def _keep(
    source: Source, taken: Taken | None, frame: Any, stills: set[int], motion: set[int], left: int
) -> tuple[Taken | None, int]:
    still, moving = frame.pts in stills, frame.pts in motion
    if not (still or moving) or frame.is_corrupt:
        return taken, left
    taken = taken or Taken(shape_of(source.video, frame))
    time_s = frame.pts * source.video_track.time_base_s - source.zero_s
    taken.take(frame, time_s, still, moving)
    return taken, left - 1


def _needed(track: Track, wanted: set[int]) -> list[bool]:
    """Tell which packets, in the order of the file, must be decoded to show the wanted ones."""
    starts = [index for index in range(len(track)) if track.key[index] or index == 0]
    ends = [*starts[1:], len(track)]
    needed = [False] * len(track)
    after_needed = False
    whole = False  # the group after this one begins with frames that refer into this one
    for start, end in zip(reversed(starts), reversed(ends), strict=True):
        hits = [index for index in range(start, end) if int(track.pts[index]) in wanted]
        last = end - 1 if whole else (hits[-1] if hits else start - 1)
        if after_needed and end - 1 - last < WORTH_SKIPPING:
            last = end - 1
        for index in range(start, last + 1):
            needed[index] = True
        leading = bool((track.pts[start:end] < track.pts[start]).any())
        whole = last >= start and leading
        after_needed |= last >= start
    return needed


def _timed_frames(source: Source, limits: Limits) -> Iterator[tuple[float, Any, bool]]:
    """Yield (time, frame, fine) of every frame as presented, times made up if need be."""
    stream, context = source.video, source.video.codec_context
    context.skip_frame = "DEFAULT"
    step_s = _step_s(stream)
    last_s, count = -np.inf, 0
    for packet in [*_video_packets(source), None]:
        frames, fine = _decoded(context, packet)
        if not fine and not frames:
            yield last_s, None, False
        for frame in frames:
            count += 1
            if count > limits.frames:
                raise RefusedError("too_many_frames")
            time_s = last_s + step_s if np.isfinite(last_s) else 0.0
            if frame.pts is not None:  # `frame.time` is unset on the frames that a flush brings
                time_s = frame.pts * source.video_track.time_base_s - source.zero_s
            if time_s > last_s:
                last_s = time_s
                yield time_s, frame, not frame.is_corrupt


def _extent(source: Source) -> tuple[float, float]:
    """Return when the picture begins and ends, from packet times or else from what is declared."""
    track, stream = source.video_track, source.video
    if np.isfinite(track.end_s):
        return track.start_s - source.zero_s, track.end_s - source.zero_s
    if stream.duration is not None:
        return 0.0, float(stream.duration * stream.time_base)
    return 0.0, len(track) * _step_s(stream)


def _step_s(stream: Any) -> float:
    return 1 / float(stream.average_rate) if stream.average_rate else 1 / 25


def _on_screen(times_s: TimeArray, from_s: float, until_s: float) -> bool:
    """Tell whether one of the times falls while a frame is shown."""
    moments = times_s + EPSILON_S
    return bool(((moments >= from_s) & (moments < until_s)).any())


def _plainly(source: Source, limits: Limits) -> Picture:
    """Decode everything, keeping for each wanted moment the frame that is on screen then."""
    start_s, end_s = _extent(source)
    stills_s, motion_s = still_times_s(start_s, end_s), motion_times_s(start_s, end_s)
    taken: Taken | None = None
    shown: tuple[float, Any] | None = None
    failures = 0

    def leave(until_s: float) -> None:
        nonlocal taken
        if shown is None:
            return
        time_s, frame = shown
        from_s = time_s if taken is not None else -np.inf
        taken = taken or Taken(shape_of(source.video, frame))
        still = _on_screen(stills_s, from_s, until_s)
        taken.take(frame, time_s, still, _on_screen(motion_s, from_s, until_s))

    for time_s, frame, fine in _timed_frames(source, limits):
        failures += not fine
        if frame is not None:
            leave(time_s)
            shown = (time_s, frame)
    leave(np.inf)
    if shown is None or taken is None:
        return Picture(None, None, failures, float("nan"))
    reached_s = shown[0] + _step_s(source.video)
    return Picture(_frames(taken, reached_s - start_s), taken.shape, failures, reached_s)
