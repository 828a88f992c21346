"""The log of predictions as a server uses it: answers go in, and what visitors tell of them later.

Nobody is shown an entry but by a prediction's id, which only those know who were shown the
prediction. Visitors are told apart by a keyed hash of their address whose key ends with the server,
so that a flood is noticed and no address is kept.
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from virality.data.outcomes import Kept, Outcome, Receipt
from virality.data.prediction_log import PredictionLog
from virality.web.metrics import Metrics
from virality.web.refusal import Refusal

if TYPE_CHECKING:
    from virality.workflow.answer import Answer
    from virality.workflow.predictor import Predictor

ASKED = ("views", "likes", "comments", "shares")
"""What the page asks for, in the order of its form."""

MOST_DIGITS = 18
"""Digits of a count, so that it fits into the log."""


class Ledger:
    """A prediction log and the model whose predictions go into it; threads may share it.

    Args:
        log: open; it stays open.
        predictor: whose answers are kept.
        metrics: where reports are counted.
    """

    def __init__(self, log: PredictionLog, predictor: "Predictor", metrics: Metrics) -> None:
        self._log, self._predictor, self._metrics = log, predictor, metrics
        self._bundle = predictor.mark
        self._key = secrets.token_bytes(32)

    def visitor(self, address: str) -> str:
        """Return what a visitor is called in the log."""
        mark = hashlib.blake2b(address.encode(), key=self._key, digest_size=8)
        return f"visitor-{mark.hexdigest()}"

    def keep(self, answers: Sequence["Answer"], visitor: str) -> tuple[str, ...]:
        """Keep what was answered and return the predictions' ids, in order.

        Raises:
            StorageError: if it cannot be written.
        """
        return self._predictor.keep(self._log, self._bundle, answers, client=visitor)

    def find(self, prediction: str) -> Kept:
        """Return a prediction by its id.

        Raises:
            Refusal: if there is none.
            StorageError: if the log cannot be read.
        """
        kept = self._log.prediction(prediction)
        if kept is None:
            raise Refusal(404, "no_prediction", "there is no such prediction")
        return kept

    def tell(self, outcome: Outcome, visitor: str) -> Receipt:
        """Keep what became of a prediction.

        Without a time of its own a report is of this minute: who sends it twice has sent it once.

        Args:
            outcome: by a prediction's id.
            visitor: who tells.

        Raises:
            Refusal: if there is no such prediction.
            InputError: if it holds no count.
            StorageError: if it cannot be written.
        """
        outcome.check()
        self.find(outcome.prediction)
        now = datetime.now(UTC)
        observed = outcome.observed_at or now.replace(second=0, microsecond=0)
        receipt = self._log.feedback(replace(outcome, observed_at=observed), client=visitor)
        self._metrics.feedback.labels(receipt.state).inc()
        return receipt


def outcome_of(prediction: str, fields: Mapping[str, str]) -> Outcome:
    """Return what the page's form tells; empty fields say nothing.

    Raises:
        Refusal: naming the field that is no count.
    """
    counts: dict[str, Any] = {}
    for name, text in fields.items():
        if name not in ASKED:
            raise Refusal(422, "unknown_field", f"there is no field {name[:40]!r}")
        digits = "".join(text.split()).replace(",", "")
        if not digits:
            continue
        if not (digits.isascii() and digits.isdigit() and len(digits) <= MOST_DIGITS):
            raise Refusal(422, name, f"{name} is a whole number, such as 12000")
        counts[name] = int(digits)
    if not counts:
        raise Refusal(422, "nothing", "give at least one number")
    return Outcome(prediction=prediction, **counts)
