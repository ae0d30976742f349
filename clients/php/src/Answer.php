<?php

declare(strict_types=1);

namespace Countersign;

use JsonException;

/** What came back over HTTP, with whether it was proven to come from the gateway. */
final class Answer
{
    /**
     * @param array<string, mixed>|null $json null unless it is a JSON object with a code
     * @param int $askedWait seconds that the gateway, or a proxy, asks to wait
     */
    private function __construct(
        public readonly int $status,
        public readonly ?array $json,
        public readonly bool $authentic,
        public readonly int $askedWait,
    ) {
    }

    public static function of(Response $response, string $requestMac, string $secret): self
    {
        ['status' => $status, 'headers' => $headers, 'body' => $body] = get_object_vars($response);
        $authentic = Signing::isAuthentic($headers['countersign-reply'] ?? null, $requestMac, $status, $body, $secret);
        $json = self::parse($body);
        $header = $headers['retry-after'] ?? '';
        $told = $json['retry_after'] ?? 0;
        $wait = preg_match('/^[0-9]{1,9}$/D', $header) === 1 ? (int) $header : (is_int($told) ? max(0, $told) : 0);

        return new self($status, $json, $authentic, $wait);
    }

    public function code(): ?int
    {
        return $this->json['code'] ?? null;
    }

    /** @return array<string, mixed>|null */
    private static function parse(string $body): ?array
    {
        try {
            $value = json_decode($body, true, 512, JSON_THROW_ON_ERROR | JSON_BIGINT_AS_STRING);
        } catch (JsonException) {
            return null;
        }

        return is_array($value) && is_int($value['code'] ?? null) ? $value : null;
    }
}
