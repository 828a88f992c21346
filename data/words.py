"""How sentences for people are put together."""


def counted(number: int, singular: str, plural: str = "") -> str:
    """Return a number and what it counts, in the singular for one.

    >>> counted(1, "report"), counted(1200, "report"), counted(2, "reply", "replies")
    ('1 report', '1,200 reports', '2 replies')
    """
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def agreeing(number: int, singular: str, plural: str) -> str:
    """Return the words that agree with a number.

    >>> agreeing(1, "is", "are"), agreeing(0, "is", "are")
    ('is', 'are')
    """
    return singular if number == 1 else plural
