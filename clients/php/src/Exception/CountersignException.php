<?php

declare(strict_types=1);

namespace Countersign\Exception;

use Countersign\Answer;
use Countersign\Code;
use RuntimeException;

/** What every failed call throws; the subclass says why. `getCode()` is the gateway's result code, 0 where none arrived. */
abstract class CountersignException extends RuntimeException
{
    /** What the operator needs to find this request in the log. */
    public readonly ?string $requestId;
    /** @var list<array{path: string, message: string}> every fault of the parameters, by JSON Pointer */
    public readonly array $errors;
    /** False for an answer whose writer is not proven, such as a refusal before the signature was checked. */
    public readonly bool $authentic;
    /** HTTP status; null when nothing arrived. */
    public readonly ?int $httpStatus;
    /** @var array<string, mixed> the answer as it came */
    public readonly array $answer;

    /** @param bool $outcomeUnknown the command may have been done all the same: call again under the same key to find out */
    final public function __construct(
        string $what,
        public readonly string $cmd,
        public readonly string $idempotencyKey,
        public readonly bool $outcomeUnknown,
        public readonly int $attempts,
        ?Answer $answer,
    ) {
        $this->answer = $answer?->json ?? [];
        $this->requestId = $this->answer['request_id'] ?? null;
        $this->errors = $this->answer['errors'] ?? [];
        $this->authentic = $answer?->authentic ?? false;
        $this->httpStatus = $answer?->status;
        $code = $answer?->code();
        parent::__construct($this->text($what, $code), $code ?? 0);
    }

    /** The exception of a "no" that the gateway has answered. */
    final public static function answered(
        Answer $answer,
        string $cmd,
        string $idempotencyKey,
        bool $unsure,
        int $attempts,
    ): self {
        $code = $answer->code() ?? 0;
        $what = $answer->json['message'] ?? '';
        if ($code < Code::MALFORMED || $code >= Code::MALFORMED + 200) {
            return new NotDone($what, $cmd, $idempotencyKey, false, $attempts, $answer);
        }
        // Whoever is on the way can write what no signature proves.
        $unknown = $unsure || !$answer->authentic || in_array($code, Code::UNDECIDED, true);
        $class = self::refusal($code);

        return new $class($what, $cmd, $idempotencyKey, $unknown, $attempts, $answer);
    }

    /** @return class-string<Refused> */
    private static function refusal(int $code): string
    {
        return match (true) {
            $code === Code::UNAUTHENTICATED => Unauthenticated::class,
            $code === Code::STALE => Stale::class,
            in_array($code, [Code::FORBIDDEN, Code::ADDRESS_REFUSED, Code::KEY_INACTIVE], true) => Forbidden::class,
            $code === Code::UNKNOWN_COMMAND => UnknownCommand::class,
            $code === Code::INVALID_PARAMS => InvalidParams::class,
            $code === Code::IDEMPOTENCY_MISMATCH => IdempotencyMismatch::class,
            in_array($code, Code::RESENDABLE, true) => Unavailable::class,
            default => Refused::class,
        };
    }

    private function text(string $what, ?int $code): string
    {
        $faults = array_map(
            static fn (array $fault): string => ($fault['path'] === '' ? '(parameters)' : $fault['path']) . " $fault[message]",
            $this->errors,
        );
        // The gateway's text names the first fault; here they all stand.
        $what = $faults === [] ? $what : explode(':', $what)[0] . ': ' . implode('; ', $faults);
        $text = "$this->cmd: " . ($code === null ? $what : "$code $what");
        $text .= $this->requestId === null ? '' : " (request $this->requestId)";
        if ($this instanceof Refused && !$this->authentic) {
            return "$text. This refusal is unsigned, as one must be before the signature was checked";
        }
        if (!$this->outcomeUnknown) {
            return $text;
        }
        $key = $this->idempotencyKey;

        return "$text. Whether it was done is not known: call again with the idempotency key $key to find out";
    }
}
