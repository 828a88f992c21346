"""Hostile and broken files: nothing but the file itself comes to harm."""

import os
import socket
import subprocess
import sys
import threading
import time
import unicodedata
from pathlib import Path

import psutil
import pytest
from clips import make_clip

from virality.data.decode import Limits, decode
from virality.data.errors import InputError
from virality.data.fence import Fence
from virality.data.media import find_media, posts_of_media

POISONED = """
import os, signal, sys, time
from virality.data.forkserver import serve
def work(path, demuxer, limits, pipe):
    {}
serve(work, int(sys.argv[1]))
"""


@pytest.fixture
def good(tmp_path) -> Path:
    return make_clip(tmp_path / "good.mp4", seconds=0.5)


def poisoned(body: str) -> Fence:
    return Fence(POISONED.format(body))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "crashed"),
        ("os.abort()", "crashed"),
        ("os._exit(3)", "crashed"),
        ("time.sleep(60)", "time_limit"),
        ("while True: pass", "cpu_limit"),
        ("os.write(pipe, b'x' * 100)", "result_refused"),
        ("os.write(pipe, b'x' * 1000)", "result_refused"),
        ("pass", "result_refused"),
        ("bytearray(10**10)", "crashed"),
        ("open('/dev/shm/virality-canary', 'wb', 0).write(b'x')", "crashed"),
    ],
)
def test_a_misbehaving_child_harms_only_its_clip(good, body, reason):
    limits = Limits(wall_s=1.5 if "sleep" in body else 20, cpu_s=1)
    with poisoned(body) as fence:
        decoded = decode(good, limits, fence)
        assert (decoded.status, decoded.reason, decoded.clip) == ("failed", reason, None)
    assert decode(good).status == "ok"


def test_child_has_no_environment_no_descriptors_and_little_memory(good, tmp_path):
    body = (
        "import resource; fds = os.listdir('/proc/self/fd');"
        " sound = (not os.environ and set(fds) == set('0123456')"  # 6 is the listing itself
        " and path == '/proc/self/fd/5'"
        " and resource.getrlimit(resource.RLIMIT_FSIZE) == (0, 0)"
        " and resource.getrlimit(resource.RLIMIT_NPROC) == (0, 0)"
        " and 'torch' not in sys.modules and 'pandas' not in sys.modules);"
        " os._exit(0 if sound else 1)"
    )
    with poisoned(body) as fence:
        assert decode(good, fence=fence).reason == "result_refused"  # ended well, said nothing


def test_forkserver_killed_between_clips_is_started_again(good):
    with Fence() as fence:
        assert decode(good, fence=fence).status == "ok"
        fence._process.kill()
        fence._process.wait()
        assert decode(good, fence=fence).status == "ok"


def test_nothing_outlives_the_parent(good, tmp_path):
    program = (
        "import sys; from pathlib import Path; from virality.data.fence import Fence;"
        "from virality.data.decode import decode;"
        f"decode(Path({str(good)!r}), fence=Fence({POISONED.format('time.sleep(60)')!r}))"
    )
    parent = subprocess.Popen([sys.executable, "-c", program])
    family = wait_for(lambda: children_of(parent.pid, 2))
    parent.kill()
    parent.wait()
    gone, alive = psutil.wait_procs(family, timeout=10)
    assert not alive
    assert gone


def children_of(pid: int, least: int) -> list[psutil.Process]:
    family = psutil.Process(pid).children(recursive=True)
    return family if len(family) >= least else []


def wait_for(ask, seconds: float = 20):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = ask()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


@pytest.mark.parametrize("name", ["clip.mp4", "clip.webm", "clip.ts", "clip.mp3"])
def test_disguised_playlists_open_nothing(tmp_path, name):
    canary = make_clip(tmp_path / "canary.mp4", seconds=0.5)
    before = os.stat(canary).st_atime_ns
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.3)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/x.ts"
        disguises = [
            f"ffconcat version 1.0\nfile '{canary}'\n",
            f"ffconcat version 1.0\nfile '{url}'\n",
            f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{url}\n#EXT-X-ENDLIST\n",
            f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{canary}\n#EXT-X-ENDLIST\n",
            f'<?xml version="1.0"?><MPD><BaseURL>{url}</BaseURL></MPD>',
            f"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n{url}",
        ]
        for text in disguises:
            path = tmp_path / name
            path.write_text(text)
            decoded = decode(path)
            assert (decoded.status, decoded.reason) == ("failed", "not_media")
        with pytest.raises(TimeoutError):
            listener.accept()
    assert os.stat(canary).st_atime_ns == before


def test_a_playlist_behind_media_magic_opens_nothing(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.3)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/x"
        for magic in (b"\x00\x00\x00\x18ftypisom", b"ID3\x04\x00", b"\x1a\x45\xdf\xa3", b"OggS"):
            path = tmp_path / "a.mp4"
            path.write_bytes(magic + f"\n#EXTM3U\n{url}\nffconcat version 1.0\nfile {url}".encode())
            assert decode(path).status == "failed"
        with pytest.raises(TimeoutError):
            listener.accept()


def test_what_is_no_file_is_refused_without_waiting(tmp_path):
    pipe = tmp_path / "pipe.mp4"
    os.mkfifo(pipe)
    assert decode(pipe).reason == "not_a_file"
    assert decode(tmp_path).reason == "not_a_file"
    assert decode(Path("/dev/zero")).reason == "not_a_file"
    assert decode(tmp_path / "missing.mp4").reason == "file_not_found"
    (tmp_path / "empty.mp4").touch()
    assert decode(tmp_path / "empty.mp4").reason == "empty_file"
    (tmp_path / "loop.mp4").symlink_to(tmp_path / "loop.mp4")
    assert decode(tmp_path / "loop.mp4").status == "failed"


def test_links_out_of_the_folder_are_refused(tmp_path, good):
    folder = tmp_path / "media"
    folder.mkdir()
    (folder / "a.mp4").symlink_to(good)
    (folder / "b.mp4").symlink_to("c.mp4")
    (folder / "c.mp4").write_bytes(good.read_bytes())
    posts, _ = posts_of_media([folder])
    found = find_media(posts, folder)
    assert [one.reason for one in found] == ["outside_folder", "", ""]
    posts = posts.drop(columns="media")
    assert [one.reason for one in find_media(posts, folder)] == ["outside_folder", "", ""]


def test_a_link_that_is_named_itself_is_followed(tmp_path, good):
    links = tmp_path / "links"
    links.mkdir()
    (links / "mine.mp4").symlink_to(good)
    (links / "loop.mp4").symlink_to("loop.mp4")
    (links / "gone.mp4").symlink_to("nothing.mp4")
    posts, root = posts_of_media([links / "mine.mp4"])
    assert list(posts["id"]) == ["mine"]
    (found,) = find_media(posts, root)
    assert (found.path, found.reason) == (good.resolve(), "")
    for name in ("loop", "gone"):
        with pytest.raises(InputError, match=rf"{name}\.mp4 is a link that leads to no file"):
            posts_of_media([links / f"{name}.mp4"])


@pytest.mark.parametrize("name", ["../good.mp4", "/etc/passwd", "a/../../good.mp4", "x\0.mp4"])
def test_named_paths_never_leave_the_folder(tmp_path, good, name):
    folder = tmp_path / "media"
    folder.mkdir()
    posts, _ = posts_of_media([good])
    found = find_media(posts.assign(media=name), folder)[0]
    assert found.path is None
    assert found.reason in ("outside_folder", "file_not_found")
    assert find_media(posts.assign(media=None, id=name), folder)[0].reason == "no_file"


@pytest.mark.parametrize("name", ["-i.mp4", "%03d.mp4", "concat:a|b.mp4", "http:x.mp4", "a\nb.mp4"])
def test_odd_names_are_only_names(tmp_path, good, name):
    odd = tmp_path / name
    odd.write_bytes(good.read_bytes())
    assert decode(odd).status == "ok"


def test_memory_limit_is_blamed_and_not_the_clip(tmp_path):
    path = make_clip(tmp_path / "a.mp4", seconds=0.2, width=2048, height=2048, sound_hz=None)
    verdicts = {}
    for megabytes in (1, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 60, 200):
        decoded = decode(path, Limits(memory_bytes=megabytes * 1_000_000))
        verdicts[megabytes] = (decoded.status, decoded.reason)
    assert set(verdicts.values()) == {("failed", "memory_limit"), ("ok", "")}
    assert verdicts[10] == ("failed", "memory_limit")
    assert verdicts[200] == ("ok", "")


def test_pixel_bomb_is_refused_by_its_size(tmp_path):
    bomb = make_clip(tmp_path / "a.mp4", seconds=0.1, width=4160, height=4160, sound_hz=None)
    assert decode(bomb).status == "failed"


def test_threads_share_no_fence(good):
    results = []

    def one() -> None:
        with Fence() as fence:
            results.append(decode(good, fence=fence).status)

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == ["ok"] * 3


def test_flipped_bytes_and_cuts_always_end_in_a_verdict(tmp_path, good):
    raw = good.read_bytes()
    for step in range(24):
        damaged = bytearray(raw)
        place = (step * 7919) % len(raw)
        damaged[place : place + 8] = bytes(8)
        if step % 3 == 0:
            damaged = damaged[: len(raw) * (step + 1) // 25]
        path = tmp_path / "damaged.mp4"
        path.write_bytes(bytes(damaged))
        assert decode(path).status in ("ok", "partial", "failed")


def test_a_name_that_is_spelt_in_parts_is_found(tmp_path, good):
    """Archives of Apple's computers hold `Phở.mp4` so; two that look alike are no one file."""
    whole, parts = (unicodedata.normalize(form, "Phở") for form in ("NFC", "NFD"))
    (tmp_path / "in").mkdir()
    for place in (tmp_path, tmp_path / "in"):
        (place / f"{parts}.MP4").write_bytes(good.read_bytes())
    posts, _ = posts_of_media([good])
    for names in (
        {"id": whole, "media": None},
        {"media": f"{whole}.MP4"},
        {"media": f"in/{whole}.MP4"},
    ):
        (found,) = find_media(posts.assign(**names), tmp_path)
        assert found.path is not None
        assert found.path.name == f"{parts}.MP4"
    (tmp_path / f"{whole}.MP4").write_bytes(b"")
    (found,) = find_media(posts.assign(id=whole, media=None), tmp_path)
    assert found.path is not None
    assert found.path.name == f"{whole}.MP4"


FEW = """
import os, resource, signal
from virality.data.forkserver import _shut

resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24))
reader, writer = os.pipe()
life, alive = os.pipe()
media = os.open("/dev/zero", os.O_RDONLY)
if os.fork() == 0:
    _shut((writer, alive, media))
    os.write(3, os.read(5, 1))
    os._exit(0)
os.close(writer)
print(os.read(reader, 1))
"""


def test_a_child_needs_few_descriptors():
    """It had asked for one above 100: under `ulimit -n 100` every clip was said to crash."""
    done = subprocess.run(
        [sys.executable, "-c", FEW], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.stdout, done.stderr) == ("b'\\x00'\n", "")
