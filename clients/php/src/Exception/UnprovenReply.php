<?php

declare(strict_types=1);

namespace Countersign\Exception;

/** Something answered that did not prove to be the gateway: a success without the right signature, a redirect. */
final class UnprovenReply extends CountersignException
{
}
