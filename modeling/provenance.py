"""What may be used before a post is out, and what was left out for being known only afterwards."""

from dataclasses import dataclass

from virality.data.errors import InputError
from virality.data.matrix import FeatureMatrix


@dataclass(frozen=True)
class Usable:
    """Columns that a model may learn from, and those refused.

    Attributes:
        names: columns in matrix order.
        refused: columns known only after posting, in matrix order.
    """

    names: tuple[str, ...]
    refused: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """Say which columns were left out and why; empty when none was."""
        if not self.refused:
            return ""
        shown = ", ".join(self.refused[:8]) + (", ..." if len(self.refused) > 8 else "")
        return (
            f"{len(self.refused)} column(s) known only after posting were left out: {shown}; "
            "allow them only to see what they would add"
        )


def usable_columns(matrix: FeatureMatrix, allow_post: bool = False) -> Usable:
    """Return the columns that may be used: `pre` and `asof`, and `post` only when allowed.

    Raises:
        InputError: if no column is left.
    """
    late = tuple(name for name, column in matrix.columns.items() if column.known == "post")
    refused = () if allow_post else late
    barred = set(refused)
    names = tuple(name for name in matrix.columns if name not in barred)
    if not names:
        raise InputError(
            "no feature is left to learn from: the matrix is empty or holds only columns known "
            "after posting"
        )
    return Usable(names, refused)
