<?php

declare(strict_types=1);

namespace Countersign\Exception;

/** The command itself said no: nothing of it was kept. */
final class NotDone extends CountersignException
{
    /** @return array<string, mixed> */
    public function result(): array
    {
        return $this->answer['result'] ?? [];
    }
}
