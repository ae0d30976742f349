<?php

declare(strict_types=1);

namespace Countersign\Exception;

/** No answer that can be believed, after every retry: no connection, a time-out, a proxy’s error page. */
final class TransportFailed extends CountersignException
{
}
