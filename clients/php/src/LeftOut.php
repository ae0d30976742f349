<?php

declare(strict_types=1);

namespace Countersign;

/** Stands for a parameter that is not sent; `null` is sent, as `null`. */
enum LeftOut
{
    case Value;
}
