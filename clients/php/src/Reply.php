<?php

declare(strict_types=1);

namespace Countersign;

/** A command that was done. */
final class Reply
{
    /**
     * @param int $serverTime Unix seconds
     * @param bool $replayed an earlier attempt, of this call or another one with its idempotency key, did it
     * @param array<string, mixed> $result objects in it are arrays, too
     */
    public function __construct(
        public readonly int $code,
        public readonly string $message,
        public readonly string $cmd,
        public readonly string $requestId,
        public readonly int $serverTime,
        public readonly bool $replayed,
        public readonly bool $dryRun,
        public readonly array $result,
    ) {
    }

    /** @param array<string, mixed> $json */
    public static function of(array $json, string $cmd): self
    {
        return new self(
            $json['code'],
            $json['message'] ?? '',
            $cmd,
            $json['request_id'] ?? '',
            $json['server_time'] ?? 0,
            ($json['replayed'] ?? false) === true,
            ($json['dry_run'] ?? false) === true,
            $json['result'] ?? [],
        );
    }
}
