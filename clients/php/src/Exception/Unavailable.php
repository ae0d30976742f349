<?php

declare(strict_types=1);

namespace Countersign\Exception;

/** Overloaded, limited or still running, after every retry; call again later under the same idempotency key. */
final class Unavailable extends Refused
{
}
