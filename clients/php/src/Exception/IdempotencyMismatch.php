<?php

declare(strict_types=1);

namespace Countersign\Exception;

/** The same idempotency key was used for another command or other parameters, or was made void. */
final class IdempotencyMismatch extends Refused
{
}
