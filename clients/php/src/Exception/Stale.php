<?php

declare(strict_types=1);

namespace Countersign\Exception;

/** The timestamp is off, even after the clock was corrected once. */
final class Stale extends Refused
{
}
