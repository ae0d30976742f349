<?php

declare(strict_types=1);

namespace Countersign\Exception;

/** The gateway refused before the command ran; the subclass says why. */
class Refused extends CountersignException
{
}
