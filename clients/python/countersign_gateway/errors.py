"""What a failed call raises: one tree, whose root knows everything that is known."""
from __future__ import annotations

from typing import Any, Dict, List, Optional, Type

from .codes import UNDECIDED, Code
from .reply import Answer


class CountersignError(Exception):
    """What every failed call raises; the subclass says why."""

    def __init__(
        self,
        what: str,
        cmd: str,
        idempotency_key: str,
        outcome_unknown: bool,
        attempts: int,
        answer: Optional[Answer],
    ) -> None:
        self.cmd = cmd
        self.idempotency_key = idempotency_key
        #: True when the command may have been done all the same: call again under the same key to find out.
        self.outcome_unknown = outcome_unknown
        self.attempts = attempts
        #: HTTP status; None when nothing arrived.
        self.http_status: Optional[int] = answer.status if answer else None
        #: False for an answer whose writer is not proven, such as a refusal before the signature was checked.
        self.authentic = answer is not None and answer.authentic
        #: The answer as it came.
        self.answer: Dict[str, Any] = (answer.json if answer else None) or {}
        #: The gateway's result code; None when no answer of a gateway arrived.
        self.code: Optional[int] = self.answer.get('code')
        #: What the operator needs to find this request in the log.
        self.request_id: Optional[str] = self.answer.get('request_id')
        #: Every fault of the parameters, each with ``path`` (a JSON Pointer) and ``message``.
        self.errors: List[Dict[str, str]] = self.answer.get('errors', [])
        super().__init__(self._text(what))

    def _text(self, what: str) -> str:
        if self.errors:
            # The gateway's text names the first fault; here they all stand.
            faults = '; '.join(f'{fault["path"] or "(parameters)"} {fault["message"]}' for fault in self.errors)
            what = f'{what.split(":")[0]}: {faults}'
        text = f'{self.cmd}: {what}' if self.code is None else f'{self.cmd}: {self.code} {what}'
        if self.request_id:
            text += f' (request {self.request_id})'
        if isinstance(self, RefusedError) and not self.authentic:
            return text + '. This refusal is unsigned, as one must be before the signature was checked'
        if self.outcome_unknown:
            key = self.idempotency_key
            text += f'. Whether it was done is not known: call again with the idempotency key {key} to find out'
        return text


class TransportError(CountersignError):
    """No answer that can be believed, after every retry: no connection, a time-out, a proxy's error page."""


class UnprovenReplyError(CountersignError):
    """Something answered that did not prove to be the gateway: a success without the right signature, a redirect."""


class NotDoneError(CountersignError):
    """The command itself said no: nothing of it was kept. ``result`` may say more."""

    @property
    def result(self) -> Dict[str, Any]:
        result: Dict[str, Any] = self.answer.get('result', {})
        return result


class RefusedError(CountersignError):
    """The gateway refused before the command ran; the subclass says why."""


class UnauthenticatedError(RefusedError):
    """Unknown key or wrong signature: look at ``api_key`` and ``secret``."""


class StaleError(RefusedError):
    """The timestamp is off, even after the clock was corrected once."""


class ForbiddenError(RefusedError):
    """The key may not do this, not from this address, or no longer."""


class UnknownCommandError(RefusedError):
    """There is no such command."""


class InvalidParamsError(RefusedError):
    """``errors`` lists every fault of the parameters."""


class IdempotencyMismatchError(RefusedError):
    """The same key was used for another command or other parameters, or was made void."""


class UnavailableError(RefusedError):
    """Overloaded, limited or still running, after every retry; call again later under the same key."""


_REFUSALS: Dict[int, Type[RefusedError]] = {
    Code.UNAUTHENTICATED: UnauthenticatedError,
    Code.STALE: StaleError,
    Code.FORBIDDEN: ForbiddenError,
    Code.ADDRESS_REFUSED: ForbiddenError,
    Code.KEY_INACTIVE: ForbiddenError,
    Code.UNKNOWN_COMMAND: UnknownCommandError,
    Code.INVALID_PARAMS: InvalidParamsError,
    Code.IDEMPOTENCY_MISMATCH: IdempotencyMismatchError,
    Code.IN_PROGRESS: UnavailableError,
    Code.RATE_LIMITED: UnavailableError,
    Code.OVERLOADED: UnavailableError,
    Code.TIMED_OUT: UnavailableError,
    Code.STORAGE: UnavailableError,
}


def answered_error(answer: Answer, cmd: str, idempotency_key: str, unsure: bool, attempts: int) -> CountersignError:
    """The error of a "no" that the gateway has answered."""
    json = answer.json or {}
    code, what = json.get('code', 0), str(json.get('message', ''))
    if not Code.MALFORMED <= code < Code.MALFORMED + 200:
        return NotDoneError(what, cmd, idempotency_key, False, attempts, answer)
    # Whoever is on the way can write what no signature proves.
    unknown = unsure or not answer.authentic or code in UNDECIDED
    return _REFUSALS.get(code, RefusedError)(what, cmd, idempotency_key, unknown, attempts, answer)
