<?php

declare(strict_types=1);

namespace Countersign\Exception;

/** There is no such command. */
final class UnknownCommand extends Refused
{
}
