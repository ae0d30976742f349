"""Client of the Countersign command gateway. Standard library only."""
from .client import Client
from .codes import Code
from .commands import LEFT_OUT
from .errors import (
    CountersignError,
    ForbiddenError,
    IdempotencyMismatchError,
    InvalidParamsError,
    NotDoneError,
    RefusedError,
    StaleError,
    TransportError,
    UnauthenticatedError,
    UnavailableError,
    UnknownCommandError,
    UnprovenReplyError,
)
from .reply import Reply
from .signing import is_authentic, sign
from .transport import Response, Transport, Unanswered

__all__ = [
    'Client',
    'Code',
    'CountersignError',
    'ForbiddenError',
    'IdempotencyMismatchError',
    'InvalidParamsError',
    'LEFT_OUT',
    'NotDoneError',
    'RefusedError',
    'Reply',
    'Response',
    'StaleError',
    'Transport',
    'TransportError',
    'UnauthenticatedError',
    'Unanswered',
    'UnavailableError',
    'UnknownCommandError',
    'UnprovenReplyError',
    'is_authentic',
    'sign',
]
