<?php

declare(strict_types=1);

namespace Countersign\Exception;

/** Unknown key or wrong signature: look at the key and its secret. */
final class Unauthenticated extends Refused
{
}
