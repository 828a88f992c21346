"""Limits: what one media file may cost before its decoding is given up."""

from dataclasses import dataclass, fields

from virality.data.errors import UsageError

FRAMES_A_SECOND = 60


@dataclass(frozen=True)
class Limits:
    """Bounds on one clip; a file beyond them fails with a reason and costs nobody else anything.

    Attributes:
        seconds: longest picture or sound, in seconds.
        width, height: largest picture as stored, in pixels.
        file_bytes: largest file.
        frames: most coded pictures in a file; 60 a second over `seconds`.
        wall_s: time a clip may take by the clock, after which its decoder is killed.
        cpu_s: time a clip may take of a processor.
        memory_bytes: memory that the decoder may take beyond that of an idle one.
    """

    seconds: float = 600.0
    width: int = 4096
    height: int = 4096
    file_bytes: int = 2_000_000_000
    frames: int = 36_000
    wall_s: float = 30.0
    cpu_s: float = 30.0
    memory_bytes: int = 1_000_000_000

    @classmethod
    def of(cls, seconds: float, side: int, file_bytes: int, wall_s: float) -> "Limits":
        """Return limits by what a user can name; the others follow from these.

        Args:
            seconds: longest picture or sound; at most FRAMES_A_SECOND pictures fit into each.
            side: longest side of a picture as stored, in pixels.
            file_bytes: largest file.
            wall_s: time a clip may take, by the clock and of a processor.

        Raises:
            UsageError: if a limit is not positive.
        """
        frames = max(1, round(seconds * FRAMES_A_SECOND))
        return cls(seconds, side, side, file_bytes, frames, wall_s, wall_s)

    def admit_all_of(self, other: "Limits") -> bool:
        """Tell whether every clip that the other limits let through passes these too."""
        names = ("seconds", "width", "height", "file_bytes", "frames")
        return all(getattr(self, name) >= getattr(other, name) for name in names)

    def __post_init__(self) -> None:
        """Refuse limits under which nothing can be decoded.

        Raises:
            UsageError: if a limit is not positive.
        """
        for field in fields(self):
            value = getattr(self, field.name)
            if not value > 0:
                raise UsageError(f"limit {field.name} is {value!r}; give a number above 0")
