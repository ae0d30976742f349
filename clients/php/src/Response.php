<?php

declare(strict_types=1);

namespace Countersign;

/** What came back over HTTP. */
final class Response
{
    /** @param array<string, string> $headers their names in lower case */
    public function __construct(
        public readonly int $status,
        public readonly array $headers,
        public readonly string $body,
    ) {
    }
}
