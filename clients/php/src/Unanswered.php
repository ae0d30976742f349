<?php

declare(strict_types=1);

namespace Countersign;

use RuntimeException;

/** What a transport throws when nothing came back. */
final class Unanswered extends RuntimeException
{
    /** @param bool $sent false when there was no connection, so that nothing can have happened */
    public function __construct(string $what, public readonly bool $sent)
    {
        parent::__construct($what);
    }
}
