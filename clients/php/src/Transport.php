<?php

declare(strict_types=1);

namespace Countersign;

/** Sends one message over HTTP. It must check certificates, follow no redirect, and send nothing twice on its own. */
interface Transport
{
    /**
     * @param list<string> $headers as `Name: value`
     * @param float $timeout seconds for everything
     * @throws Unanswered when nothing came back
     */
    public function post(string $url, array $headers, string $body, float $timeout): Response;
}
