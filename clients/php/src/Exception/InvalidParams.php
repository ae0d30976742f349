<?php

declare(strict_types=1);

namespace Countersign\Exception;

/** `errors` lists every fault of the parameters. */
final class InvalidParams extends Refused
{
}
