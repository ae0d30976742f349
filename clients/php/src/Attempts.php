<?php

declare(strict_types=1);

namespace Countersign;

use Countersign\Exception\CountersignException;
use Countersign\Exception\TransportFailed;
use Countersign\Exception\UnprovenReply;

/** One call over all its attempts. */
final class Attempts
{
    private const FIRST_WAIT = 0.2;

    private int $made = 0;
    /** Whether an attempt so far may have been done without our knowing. */
    private bool $unsure = false;
    private int $timestamp = 0;
    private bool $corrected = false;

    public function __construct(
        private readonly string $cmd,
        private readonly string $key,
        private readonly int $retries,
        private readonly float $longestWait,
        private readonly Clock $clock,
    ) {
    }

    /** @param callable(int): Answer $send sends the message with this timestamp, or throws Unanswered */
    public function run(callable $send): Reply
    {
        while (true) {
            $this->made++;
            // Later than the one before: the same bytes again would be answered with secrets withheld.
            $this->timestamp = max($this->clock->now(), $this->timestamp + 1);
            try {
                $answer = $send($this->timestamp);
            } catch (Unanswered $unanswered) {
                $this->unsure = $this->unsure || $unanswered->sent;
                $this->wait(0, $this->failed(TransportFailed::class, "no answer: {$unanswered->getMessage()}", null));
                continue;
            }
            $reply = $this->read($answer);
            if ($reply !== null) {
                return $reply;
            }
        }
    }

    /** The reply, or null after a wait: try again. Throws when there is nothing more to try. */
    private function read(Answer $answer): ?Reply
    {
        $verdict = Verdict::of($answer);
        if ($verdict->kind === Verdict::DONE) {
            return Reply::of($answer->json ?? [], $this->cmd);
        }
        if ($verdict->kind === Verdict::STALE && !$this->corrected) {
            $this->corrected = true;
            $this->timestamp = 0;
            $this->clock->correct($answer->json['server_time'] ?? time());

            return null;
        }
        if ($verdict->kind === Verdict::UNPROVEN) {
            $this->unsure = true;
            throw $this->failed(UnprovenReply::class, $verdict->what, $answer);
        }
        if ($verdict->kind !== Verdict::AGAIN) {
            throw $this->refused($answer);
        }
        $this->unsure = $this->unsure || !$verdict->sure;
        $this->wait(
            $answer->askedWait,
            $verdict->refused ? $this->refused($answer) : $this->failed(TransportFailed::class, $verdict->what, $answer),
        );

        return null;
    }

    /** Full jitter, after whatever was asked for: clients that failed together do not come back together. */
    private function wait(int $asked, CountersignException $error): void
    {
        if ($this->made > $this->retries || $asked > $this->longestWait) {
            throw $error;
        }
        $most = min($this->longestWait - $asked, self::FIRST_WAIT * 2 ** ($this->made - 1));
        usleep($asked * 1_000_000 + random_int(0, (int) ceil($most * 1_000_000)));
    }

    /** @param class-string<TransportFailed|UnprovenReply> $class */
    private function failed(string $class, string $what, ?Answer $answer): CountersignException
    {
        return new $class($what, $this->cmd, $this->key, $this->unsure, $this->made, $answer);
    }

    private function refused(Answer $answer): CountersignException
    {
        return CountersignException::answered($answer, $this->cmd, $this->key, $this->unsure, $this->made);
    }
}
