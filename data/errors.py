"""Errors that a user can act on; each family carries the exit code of the command line."""

import errno


class ViralityError(Exception):
    """Base of all errors raised on purpose. The message says what is wrong and how to mend it."""

    exit_code = 1


class UsageError(ViralityError):
    """A call or a configuration value that cannot work."""

    exit_code = 2


class InputError(ViralityError):
    """Input that cannot be used: names the file, row, column and value where it can."""

    exit_code = 4


class StorageError(ViralityError):
    """A file or folder that cannot be read or written, or does not hold what was written."""

    exit_code = 5


class BundleError(ViralityError):
    """A trained model that is refused: damaged, altered, or made for other features."""

    exit_code = 6


def more_files(error: OSError) -> str:
    """Return what to do where too many files are open, `""` if that is not what the system said."""
    if error.errno not in (errno.EMFILE, errno.ENFILE):
        return ""
    return "; allow more open files (`ulimit -n 1024`), or fewer --jobs, and run it again"


class Notice(UserWarning):
    """Something that was mended on the way and that a user should know of."""
