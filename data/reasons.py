"""Why a clip is not `ok`: every reason that a status table may hold, with its sentence."""

from collections.abc import Mapping
from typing import Literal

Status = Literal["ok", "partial", "failed", "no_media"]
STATUSES: tuple[Status, ...] = ("ok", "partial", "failed", "no_media")

REASONS: Mapping[str, str] = {
    "": "nothing to report",
    # no_media
    "no_file": "the post names no media file and none in the folder bears its id",
    "file_not_found": "the media file that the post names is not in the folder",
    "no_folder": "no media folder was given",
    # failed before decoding
    "outside_folder": "the path leads out of the media folder and was not opened",
    "not_a_file": "the path is a folder, pipe, socket or device, not a file",
    "unreadable": "the file may not be read, or reading it failed",
    "empty_file": "the file holds no bytes",
    "too_large": "the file is larger than the limit",
    "not_media": "the first bytes are those of no media format that is read here",
    # failed while decoding
    "container_damaged": "the container could not be opened",
    "no_streams": "the file holds neither picture nor sound",
    "no_decoder": "the picture or sound is coded in a way that cannot be decoded here",
    "encrypted": "picture and sound are encrypted",
    "nothing_decoded": "neither a picture nor a sound could be decoded",
    "too_many_pixels": "the picture is larger than the limit",
    "too_many_frames": "the file holds more frames than the limit",
    "too_long": "the clip is longer than the limit",
    "time_limit": "decoding took longer than the limit and was stopped",
    "cpu_limit": "decoding took more processor time than the limit and was stopped",
    "memory_limit": "decoding asked for more memory than the limit",
    "crashed": "the decoder crashed",
    "result_refused": "the decoder returned something that is not a clip",
    "changed_meanwhile": "the file was changed or replaced while it was being read",
    # partial: what could be decoded is used
    "shorter_than_declared": "under 95 % of the declared length is there",
    "damaged": "some of the picture or sound is missing or could not be decoded",
    "picture_failed": "the picture could not be decoded, the sound could",
    "sound_failed": "the sound could not be decoded, the picture could",
    # after decoding
    "featurizer_failed": "a featurizer could not cope with the clip; its columns are empty",
    "worker_lost": "the worker process that held the post died, twice",
}
"""Reason -> one sentence for people. The order is part of the wire format of the decoder."""

FLEETING = frozenset({
    "file_not_found", "not_a_file", "unreadable", "changed_meanwhile", "time_limit", "crashed",
    "result_refused", "worker_lost",
})  # fmt: skip
"""Reasons that may be the fault of the machine or the moment: the next run tries again. All others
follow from what the file holds and from the limits, and are remembered."""
