"""What whoever serves can choose, and what follows from it."""

import ipaddress
import re
import secrets
from dataclasses import dataclass, field
from hashlib import sha256

from virality.data.errors import UsageError

MEGABYTE = 1_000_000
LEAST_TOKEN = 16
"""Characters of a token that a person may choose."""

TOKEN = re.compile(r"[!-~]*")
"""What headers carry and nothing on the way changes: no blanks, no letters beyond ASCII."""

NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")


@dataclass(frozen=True)
class Settings:
    """How a server behaves.

    Attributes:
        host, port: where it listens.
        names: host names under which browsers may reach it, besides addresses; who names any
            lets others in, be it by a proxy on this machine.
        token: what every request must know; nothing is asked if empty.
        clip_bytes: largest clip.
        clips, captions: most of each in one request.
        candidates: most combinations of both.
        workers: predictions at once, a process each.
        waiting: requests that are taken in while all workers are busy.
        keep_s: how long a result is kept.
        keep: results kept at most; the oldest goes first.
        idle_s: how long an upload may send too little, a body without clips may take, and too
            little of an answer may be read.
        upload_s: how long an upload may take.
        min_rate: bytes a second that an upload must bring, and of an answer that waits must be
            read, over every `idle_s`; 0 asks only that it goes on.
        header_s: how long a connection may take to say what it wants.
        connections: open at once.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    names: tuple[str, ...] = ()
    token: str = field(default="", repr=False)
    clip_bytes: int = 200 * MEGABYTE
    clips: int = 6
    captions: int = 6
    candidates: int = 12
    workers: int = 1
    waiting: int = 16
    keep_s: float = 3600.0
    keep: int = 500
    idle_s: float = 20.0
    upload_s: float = 600.0
    min_rate: float = 2000.0
    header_s: float = 15.0
    connections: int = 256

    def __post_init__(self) -> None:
        """Refuse what cannot be served.

        Raises:
            UsageError: if a bound is not positive, a name is none, the token is short or cannot
                be sent, or strangers could reach a server that asks for none.
        """
        bounds = (
            "clip_bytes",
            "clips",
            "captions",
            "candidates",
            "workers",
            "waiting",
            "keep_s",
            "keep",
        )
        for name in bounds:
            if getattr(self, name) <= 0:
                raise UsageError(f"{name} is {getattr(self, name)!r}; give a number above 0")
        if self.min_rate < 0:
            raise UsageError(f"min_rate is {self.min_rate!r}; give 0 or a number above")
        for name in self.names:
            if not NAME.fullmatch(name):
                raise UsageError(
                    f"--name {name!r} is no host name; give what stands between http:// and the "
                    "next : or /, such as clips.example.org (other letters than ASCII as xn--...)"
                )
        if self.token and len(self.token) < LEAST_TOKEN:
            raise UsageError(f"the token is shorter than {LEAST_TOKEN} characters; leave it out")
        if not TOKEN.fullmatch(self.token):
            raise UsageError(
                "the token holds a blank or a letter beyond ASCII, which requests cannot carry; "
                "give letters, digits and signs, or leave it out"
            )
        if not self.token and not self.local:
            reached = self.host if not is_loopback(self.host) else ", ".join(self.names)
            raise UsageError(f"{reached} can be reached by others; a token is needed")

    @property
    def local(self) -> bool:
        """Whether only browsers and programs of this machine are served."""
        return is_loopback(self.host) and not self.names

    @property
    def body_bytes(self) -> int:
        """Largest body of a request that brings clips."""
        return self.clips * self.clip_bytes + MEGABYTE

    @property
    def cookie(self) -> str:
        """What a browser that has shown the token carries; it does not tell the token."""
        return sha256(b"virality.cookie\0" + self.token.encode()).hexdigest()

    @property
    def cookie_name(self) -> str:
        """What that is called: cookies know no ports, so each server of a host has its own."""
        return f"virality-{sha256(b'virality.name' + self.token.encode()).hexdigest()[:8]}"

    def knows(self, told: str) -> bool:
        """Tell in constant time whether a text is the token."""
        return secrets.compare_digest(told.encode(), self.token.encode())

    def admits(self, host: str) -> bool:
        """Tell whether a Host header names this server.

        A page of a stranger whose name is made to point here ("DNS rebinding") still sends its own
        name, so names are admitted only by list; an address cannot be rebound.
        """
        name = bare_name(host)
        if name is None:
            return False
        if name == "localhost" or name in self.names:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or not is_loopback(self.host)


def bare_name(host: str) -> str | None:
    """Return the name in a Host header without its port, None if there is none."""
    name, port = host.lower(), ""
    if name.startswith("["):
        name, found, port = name[1:].partition("]")
        if not found or (port and not port.startswith(":")):
            return None
        port = port[1:]
    elif ":" in name:
        name, _, port = name.rpartition(":")
        if ":" in name:
            return None
    if port and not (port.isascii() and port.isdigit()):
        return None
    return name or None


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def new_token() -> str:
    """Return a token that cannot be guessed."""
    return secrets.token_urlsafe(24)
