"""One media file to one clip with a verdict on its completeness; runs in the fenced child only."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from virality.data.boxes import asf_is_cut, index_is_cut, ogg_is_cut, riff_is_cut
from virality.data.clip import Audio, Clip, Stream
from virality.data.container import RefusedError, Source, Track, open_source, shown_times_s
from virality.data.limits import Limits
from virality.data.picture import Picture, decode_picture
from virality.data.reasons import Status
from virality.data.sound import Sound, decode_sound

COMPLETE = 0.95
"""Share of the declared length that must be there."""

HARMLESS = 0.01
"""Share of packets that may fail without the clip being called damaged."""

SLACK_S = 0.25
"""Shortfall that is never held against a clip: a last frame's length, an encoder's padding."""

LEAST_BITS_PER_S = 500
"""A declared length over which the file would average less than this is a mistake, not a length."""

ESTIMATED = ("mp3", "aac", "amr", "mpegts", "mpeg")
"""Formats that declare no length: PyAV's is a guess from the bit rate or the data itself."""

MATROSKA = "matroska"


@dataclass(frozen=True)
class Verdict:
    """What came of a file."""

    status: Status
    reason: str
    clip: Clip | None


def read_clip(path: str, demuxer: str, size_bytes: int, limits: Limits) -> Verdict:
    """Decode a file that has passed the gate.

    Args:
        path: of our own naming.
        demuxer: as `gate.demuxer_of` names it.
        size_bytes: size of the file.
        limits: bounds on length and size.
    """
    import av

    try:
        source = open_source(path, demuxer, size_bytes, limits)
        verdict = _read(source, demuxer, size_bytes, limits)
        reason = _cut(path, demuxer, size_bytes) if verdict.status == "ok" else ""
        return Verdict("partial", reason, verdict.clip) if reason else verdict
    except RefusedError as refusal:
        return Verdict("failed", refusal.reason, None)
    except MemoryError:
        return Verdict("failed", "memory_limit", None)
    except (av.FFmpegError, IndexError, ValueError, OverflowError):
        return Verdict("failed", "container_damaged", None)


def _cut(path: str, demuxer: str, size_bytes: int) -> str:
    """Return what is wrong with a file that the demuxer takes for whole, `""` if nothing is."""
    if demuxer.startswith("mov") and index_is_cut(path, size_bytes):
        return "damaged"
    if demuxer == "ogg" and ogg_is_cut(path, size_bytes):
        return "damaged"
    is_cut = {"avi": riff_is_cut, "wav": riff_is_cut, "asf": asf_is_cut}.get(demuxer)
    return "shorter_than_declared" if is_cut and is_cut(path, size_bytes, COMPLETE) else ""


def _read(source: Source, demuxer: str, size_bytes: int, limits: Limits) -> Verdict:
    _check_length(source, limits)
    picture = decode_picture(source, limits) if len(source.video_track) else None
    sound = decode_sound(source, limits) if len(source.audio_track) else None
    frames = picture.frames if picture else None
    audio = None
    if sound and len(sound.samples):
        audio = Audio(sound.samples, channels=max(1, source.audio.codec_context.channels))
    if frames is None and audio is None:
        raise RefusedError("encrypted" if source.encrypted else "nothing_decoded")
    declared_s = _declared_s(source, demuxer, size_bytes)
    length_s = _length_s(source, demuxer, declared_s)
    stream = _stream(source, picture, length_s, size_bytes)
    reason = _reason(source, picture, sound, demuxer, size_bytes)
    return Verdict("partial" if reason else "ok", reason, Clip(stream, frames, audio))


def _check_length(source: Source, limits: Limits) -> None:
    for track in (source.video_track, source.audio_track):
        if track.end_s - source.zero_s > limits.seconds:
            raise RefusedError("too_long")


def _plausible(length_s: float, size_bytes: int) -> float:
    return length_s if 0 < length_s < size_bytes * 8 / LEAST_BITS_PER_S else float("nan")


def _declared_s(source: Source, demuxer: str, size_bytes: int) -> float:
    """Return the length that the container declares, NaN if none or an impossible one."""
    length = source.container.duration
    length_s = length / 1_000_000 if length is not None else float("nan")
    if demuxer == MATROSKA:  # its length counts from 0, not from the first frame
        length_s -= max(0.0, source.zero_s)
    return _plausible(length_s, size_bytes)


def _length_s(source: Source, demuxer: str, declared_s: float) -> float:
    """Return the declared length, or when the last packet ends if that is missing or too short.

    What a browser records as WebM declares no length.
    """
    ends = [track.end_s - source.zero_s for track in (source.video_track, source.audio_track)]
    found_s = max((end for end in ends if np.isfinite(end)), default=float("nan"))
    doubtful = demuxer in ESTIMATED or np.isnan(declared_s) or _lacks(declared_s, found_s)
    return found_s if doubtful and np.isfinite(found_s) else declared_s


def _reason(
    source: Source, picture: Picture | None, sound: Sound | None, demuxer: str, size_bytes: int
) -> str:
    """Return why the clip is only partial, `""` if it is whole."""
    if source.video is not None and (picture is None or picture.frames is None):
        return "picture_failed"
    if len(source.audio_track) and (sound is None or not len(sound.samples)):
        return "sound_failed"
    if _short(source, picture, sound, demuxer, size_bytes):
        return "shorter_than_declared"
    hurt = _hurt(picture, source.video_track) or _hurt(sound, source.audio_track)
    return "damaged" if hurt else ""


def _hurt(made: Picture | Sound | None, track: Track) -> bool:
    """Tell whether more failed than the frame that a cut through a stream leaves at its edge."""
    return made is not None and made.failures > max(1, HARMLESS * len(track))


def _short(
    source: Source, picture: Picture | None, sound: Sound | None, demuxer: str, size_bytes: int
) -> bool:
    ends = []
    for stream, track, made in (
        (source.video, source.video_track, picture),
        (source.audio, source.audio_track, sound),
    ):
        if made is None:
            continue
        start_s = track.start_s - source.zero_s if np.isfinite(track.start_s) else 0.0
        ends.append(made.end_s)
        declared_s = _stream_length_s(stream, size_bytes)
        if demuxer not in ESTIMATED and _lacks(made.end_s - start_s, declared_s):
            return True
        if _lacks(made.end_s - start_s, track.end_s - track.start_s):
            return True
    declared_s = _declared_s(source, demuxer, size_bytes)
    return demuxer not in ESTIMATED and bool(ends) and _lacks(max(ends), declared_s)


def _stream_length_s(stream: object, size_bytes: int) -> float:
    duration, base = getattr(stream, "duration", None), getattr(stream, "time_base", None)
    return _plausible(float(duration * base), size_bytes) if duration and base else float("nan")


def _lacks(found_s: float, declared_s: float) -> bool:
    return bool(found_s < COMPLETE * declared_s and declared_s - found_s > SLACK_S)


def _stream(source: Source, picture: Picture | None, length_s: float, size_bytes: int) -> Stream:
    video, audio, track = source.video, source.audio, source.video_track
    shape = picture.shape if picture else None
    order = _presentation_order(track)
    keys = np.sort(track.pts[(track.key == 1) & (track.shown == 1)])
    times_s = shown_times_s(track, source.zero_s)
    return Stream(
        duration_s=length_s,
        size_bytes=size_bytes,
        width=shape.upright[0] if shape else 0,
        height=shape.upright[1] if shape else 0,
        rotation_deg=shape.rotation_deg if shape else 0,
        fps=_pictures_per_s(video, track),
        video_codec=video.codec_context.name if video is not None else "",
        audio_codec=audio.codec_context.name if audio is not None else "",
        audio_rate_hz=audio.codec_context.sample_rate if audio is not None else 0,
        audio_channels=audio.codec_context.channels if audio is not None else 0,
        packet_sizes=track.sizes[order],
        packet_times_s=times_s,
        keyframe_times_s=keys * track.time_base_s - source.zero_s,
        audio_bytes=int(source.audio_track.sizes.sum()),
    )


def _pictures_per_s(video: Any, track: Track) -> float:
    """Return the declared rate, or the packets' if there is none or they come more seldom.

    Matroska and FLV need not declare one, and FFmpeg then takes their clock's: 1,000. That packets
    come more often says nothing, as there are some that are never shown.
    """
    declared = float(video.average_rate) if video is not None and video.average_rate else np.nan
    times_s = shown_times_s(track, 0.0)  # the last one's duration may follow from a false rate
    found = (len(times_s) - 1) / np.ptp(times_s) if len(set(times_s)) > 1 else np.nan
    return float(found if np.isnan(declared) or found < COMPLETE * declared else declared)


def _presentation_order(track: Track) -> np.ndarray:
    from virality.data.container import NO_PTS

    keep = np.flatnonzero((track.pts != NO_PTS) & (track.shown == 1))
    return keep[np.argsort(track.pts[keep], kind="stable")]
