<?php

declare(strict_types=1);

namespace Countersign\Exception;

/** The key may not do this, not from this address, or no longer. */
final class Forbidden extends Refused
{
}
