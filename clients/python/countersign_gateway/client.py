"""Signs commands, sends each until it is answered, and believes only what the gateway has signed."""
from __future__ import annotations

import json
import random
import re
import time
import uuid
from typing import Any, Dict, Mapping, Optional, Union

from .commands import Commands
from .errors import TransportError, UnprovenReplyError, answered_error
from .judge import AGAIN, DONE, STALE, UNPROVEN, judge
from .reply import Answer, Reply, reply_of
from .signing import is_authentic, sign, write
from .transport import Transport, Unanswered

_RESERVED = frozenset(
    ('cmd', 'api_key', 'timestamp', 'signature', 'idempotency_key', 'dry_run', 'cdn', 'audience')
)
_FIRST_WAIT = 0.2


class Client(Commands):
    """A gateway and a key for it. Times are in seconds.

    :param url: such as ``https://control.example.org``; ``/control`` is appended unless it ends so
    :param timeout: how long one attempt may take; the gateway waits up to 10 s for a request that is still running
    :param retries: how often a call is sent again after its first attempt
    :param longest_wait: the longest single wait before another attempt; who asks for more gets no other
    :param cdn: the number of the account, to be sent with every message
    :param audience: the name of the instance that messages are for, where its operator has given it one
    """

    def __init__(
        self,
        url: str,
        api_key: str,
        secret: str,
        *,
        timeout: float = 30.0,
        retries: int = 6,
        longest_wait: float = 60.0,
        cdn: Optional[int] = None,
        audience: Optional[str] = None,
        transport: Optional[Transport] = None,
    ) -> None:
        if not re.match('https?://[^/]', url):
            raise ValueError(f'"{url}" is not an http or https URL of a gateway')
        self.url = url if re.search('/control/?$', url) else url.rstrip('/') + '/control'
        self._api_key = api_key
        self._secret = secret
        self._timeout = timeout
        self._retries = retries
        self._longest_wait = longest_wait
        self._extra: Dict[str, Any] = {}
        if cdn is not None:
            self._extra['cdn'] = cdn
        if audience is not None:
            self._extra['audience'] = audience
        self._transport = transport or Transport()
        # Seconds that the gateway's clock is ahead, as a signed 1402 has told.
        self._ahead = 0

    @classmethod
    def from_key_file(cls, url: str, file: str, **options: Any) -> Client:
        """Reads ``api_key`` and ``secret`` from a JSON file, such as the gateway's ``admin-key.json``."""
        with open(file, encoding='utf-8') as opened:
            key = json.load(opened)
        if not isinstance(key.get('api_key'), str) or not isinstance(key.get('secret'), str):
            raise ValueError(f'{file}: expected JSON with api_key and secret')
        return cls(url, key['api_key'], key['secret'], **options)

    def call(
        self,
        cmd: str,
        params: Optional[Mapping[str, Any]] = None,
        *,
        idempotency_key: Optional[str] = None,
        dry_run: bool = False,
    ) -> Reply:
        """Runs a command; raises a :class:`CountersignError` unless it was done.

        :param idempotency_key: 8 to 128 characters of ``A-Za-z0-9._~:+/=-``. Give one, and store it before the call,
            when the job must survive its own end: called again with it, the command is not done twice. Without it each
            call has one of its own.
        :param dry_run: check everything, keep nothing
        """
        params = dict(params or {})
        wrong = next((name for name in params if name in _RESERVED), None)
        if not cmd or wrong:
            raise ValueError(f'"{wrong}" is no parameter of a command' if wrong else 'the command is missing')
        return _Call(self, cmd, params, idempotency_key or str(uuid.uuid4()), dry_run).run()


class _Call:
    """One call over all its attempts."""

    def __init__(self, client: Client, cmd: str, params: Dict[str, Any], key: str, dry_run: bool) -> None:
        self._client = client
        self._cmd = cmd
        self._params = params
        self._key = key
        self._dry_run = {'dry_run': True} if dry_run else {}
        self._attempts = 0
        # Whether an attempt so far may have been done without our knowing.
        self._unsure = False
        self._timestamp = 0
        self._corrected = False

    def run(self) -> Reply:
        while True:
            try:
                answer = self._attempt()
            except Unanswered as error:
                self._unsure = self._unsure or error.sent
                self._wait(0, self._failed(TransportError, f'no answer from {self._client.url}: {error}', None))
                continue
            reply = self._read(answer)
            if reply:
                return reply

    def _attempt(self) -> Answer:
        client = self._client
        self._attempts += 1
        # Later than the one before: the same bytes again would be answered with secrets withheld.
        self._timestamp = max(int(time.time()) + client._ahead, self._timestamp + 1)
        message = {
            'cmd': self._cmd,
            **self._params,
            'api_key': client._api_key,
            'timestamp': self._timestamp,
            'idempotency_key': self._key,
            **self._dry_run,
            **client._extra,
        }
        body, mac = sign(write(message), client._secret)
        headers = {'Content-Type': 'application/json', 'Accept': 'application/json'}
        response = client._transport.post(client.url, headers, body, client._timeout)
        given = response.headers.get('countersign-reply')
        authentic = is_authentic(given, mac, response.status, response.body, client._secret)
        wait = response.headers.get('retry-after', '')
        return Answer(response.status, _parse(response.body), authentic, int(wait) if re.fullmatch('[0-9]{1,9}', wait) else None)

    def _read(self, answer: Answer) -> Optional[Reply]:
        """The reply, or None after a wait: try again. Raises when there is nothing more to try."""
        verdict = judge(answer)
        if verdict.kind == DONE and answer.json:
            return reply_of(answer.json, self._cmd)
        if verdict.kind == STALE and not self._corrected and answer.json:
            self._corrected = True
            self._timestamp = 0
            self._client._ahead = answer.json['server_time'] - int(time.time())
            return None
        if verdict.kind == UNPROVEN:
            self._unsure = True
            raise self._failed(UnprovenReplyError, verdict.what, answer)
        if verdict.kind != AGAIN:
            raise self._refused(answer)
        self._unsure = self._unsure or not verdict.sure
        error = self._refused(answer) if verdict.refused else self._failed(TransportError, verdict.what, answer)
        self._wait(answer.asked_wait(), error)
        return None

    def _wait(self, asked: float, error: Exception) -> None:
        """Full jitter, after whatever was asked for: clients that failed together do not come back together."""
        longest = self._client._longest_wait
        if self._attempts > self._client._retries or asked > longest:
            raise error
        most = min(longest - asked, _FIRST_WAIT * 2 ** (self._attempts - 1))
        time.sleep(asked + random.uniform(0, most))

    def _failed(
        self, kind: Union[type[TransportError], type[UnprovenReplyError]], what: str, answer: Optional[Answer]
    ) -> Exception:
        return kind(what, self._cmd, self._key, self._unsure, self._attempts, answer)

    def _refused(self, answer: Answer) -> Exception:
        return answered_error(answer, self._cmd, self._key, self._unsure, self._attempts)


def _parse(body: bytes) -> Optional[Dict[str, Any]]:
    try:
        value = json.loads(body)
    except ValueError:
        return None
    return value if isinstance(value, dict) and isinstance(value.get('code'), int) else None
