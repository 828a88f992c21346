"""Which media file belongs to which post; never one outside the media folder."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from virality.data.errors import InputError
from virality.data.gate import within
from virality.data.signs import compose

EXTENSIONS = (
    "mp4", "mov", "m4v", "webm", "mkv", "3gp", "avi", "flv", "ts", "gif",
    "m4a", "mp3", "aac", "wav", "ogg", "flac",
)  # fmt: skip
"""Where several files bear a post's id, the first of these wins."""


@dataclass(frozen=True)
class Found:
    """The media file of a post, or why there is none (a name of REASONS)."""

    path: Path | None
    reason: str = ""


def find_media(posts: pd.DataFrame, folder: Path | None) -> list[Found]:
    """Return the media file of each post: the one it names, else `<id>.<extension>`.

    Args:
        posts: a posts table.
        folder: the media folder, None if there is none.

    Raises:
        InputError: if the folder does not exist.
    """
    if folder is None:
        return [Found(None, "no_folder")] * len(posts)
    if not folder.is_dir():
        raise InputError(f"media folder {folder} does not exist; name an existing folder")
    root = folder.resolve()
    names = _names(root)
    alike = _alike(names)
    listed: dict[Path, Mapping[str, str]] = {}
    media = posts["media"] if "media" in posts else pd.Series([None] * len(posts))
    return [
        _named(root, str(name), listed) if _given(name) else _by_id(root, names, alike, str(post))
        for post, name in zip(posts["id"], media, strict=True)
    ]


def _given(name: object) -> bool:
    return isinstance(name, str) and bool(name.strip())


def _names(root: Path) -> dict[str, str]:
    """Return the files of a folder by their names with the ending in lower case.

    Cameras write `.MOV` and `.MP4`; where a name stands in both, the one in lower case counts.
    """
    with os.scandir(root) as entries:
        names = sorted(entry.name for entry in entries)  # capitals sort before small letters
    parts = ((name, *name.rpartition(".")) for name in names)
    return {f"{stem}{dot}{ending.lower()}": name for name, stem, dot, ending in parts}


def _alike(names: Iterable[str]) -> dict[str, str]:
    """Return the one name that a table may mean -> the name that it stands for.

    Tables hold no bytes that are no UTF-8, and Apple's computers spell accents in parts, in names
    of files too: `Phở.mp4` out of an archive of theirs is another name than that of a table.
    """
    spellings: dict[str, list[str]] = {}
    for name in names:
        spellings.setdefault(compose(spelt(name)), []).append(name)
    return {spelling: ones[0] for spelling, ones in spellings.items() if len(ones) == 1}


def _named(root: Path, name: str, listed: dict[Path, Mapping[str, str]]) -> Found:
    if "\0" in name:
        return Found(None, "file_not_found")
    path = root / name
    if not within(root, path):
        return Found(None, "outside_folder")
    if os.path.lexists(path):
        return Found(path)
    misspelt = _misspelt(path, listed)
    if misspelt is None:
        return Found(None, "file_not_found")
    return Found(misspelt) if within(root, misspelt) else Found(None, "outside_folder")


def spelt(name: str) -> str:
    """Return a file's name as a table can hold it: bytes that are no UTF-8 become U+FFFD."""
    return os.fsencode(name).decode("utf-8", "replace")


def _misspelt(path: Path, listed: dict[Path, Mapping[str, str]]) -> Path | None:
    """Return the one file beside a path whose name looks the same.

    Args:
        path: of no file.
        listed: folder -> names of its files, filled in here.
    """
    if path.name.isascii() or not path.parent.is_dir():
        return None
    if path.parent not in listed:
        listed[path.parent] = _alike(os.listdir(path.parent))
    name = listed[path.parent].get(compose(path.name))
    return None if name is None else path.parent / name


def _by_id(root: Path, names: Mapping[str, str], alike: Mapping[str, str], post: str) -> Found:
    for extension in EXTENSIONS:
        wanted = f"{post}.{extension}"
        name = names.get(wanted, names.get(alike.get(compose(wanted), "")))
        if name is not None:  # an id such as `../x` is no name of a file in the folder
            path = root / name
            return Found(path) if within(root, path) else Found(None, "outside_folder")
    return Found(None, "no_file")


def posts_of_media(paths: Sequence[Path]) -> tuple[pd.DataFrame, Path]:
    """Return a posts table of bare media files and the folder that they are relative to.

    A folder stands for the media files in it. A post's id is its file's name without the
    extension, with a number behind it where that occurs twice. A link that is named itself is
    followed wherever it leads; those found in a folder are judged like any in a media folder.

    Raises:
        InputError: if a path does not exist or there is no media file at all.
    """
    files = [file for path in paths for file in _files(path)]
    if not files:
        given = ", ".join(map(str, paths[:3])) + ("" if len(paths) <= 3 else ", ...")
        raise InputError(
            f"no media files in {given}: give clips, or a folder that holds some, "
            f"by their endings: {', '.join(EXTENSIONS)}"
        )
    root = Path(os.path.commonpath([file.parent for _, file in files]))
    taken: set[str] = set()
    ids = []
    for stem, _ in files:
        number, name = 1, spelt(stem)
        while name in taken:
            number += 1
            name = f"{spelt(stem)}-{number}"
        taken.add(name)
        ids.append(name)
    media = [spelt(str(file.relative_to(root))) for _, file in files]
    table = {"id": pd.array(ids, dtype="string"), "media": pd.array(media, dtype="string")}
    return pd.DataFrame(table), root


def _files(path: Path) -> list[tuple[str, Path]]:
    """Return the name and the file of each clip."""
    place = Path(os.path.abspath(path))
    if place.is_dir():
        found = sorted(place.iterdir())  # links stay links: they are judged when opened
        clips = [file for file in found if file.suffix.lower().lstrip(".") in EXTENSIONS]
        return [(file.stem, file) for file in clips]
    if not os.path.lexists(place):
        raise InputError(f"{path} does not exist; name a media file or a folder of them")
    if not os.path.exists(place):
        raise InputError(
            f"{path} is a link that leads to no file; name a media file or a folder of them"
        )
    return [(place.stem, Path(os.path.realpath(place)))]
