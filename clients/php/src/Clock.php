<?php

declare(strict_types=1);

namespace Countersign;

/** The gateway's clock, as far as it is known. Unix seconds. */
final class Clock
{
    /** Seconds that the gateway's clock is ahead, as a signed 1402 has told. */
    private int $ahead = 0;

    public function now(): int
    {
        return time() + $this->ahead;
    }

    public function correct(int $serverTime): void
    {
        $this->ahead = $serverTime - time();
    }
}
