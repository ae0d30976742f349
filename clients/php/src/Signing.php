<?php

declare(strict_types=1);

namespace Countersign;

use SensitiveParameter;

/** HMAC-SHA256 of messages and replies. */
final class Signing
{
    /** The MAC of a text, in lower-case hex. */
    public static function mac(string $text, #[SensitiveParameter] string $secret): string
    {
        return hash_hmac('sha256', $text, $secret);
    }

    /** Signs a JSON object that has members and no signature: it becomes the last member, over the text without it. */
    public static function sign(string $text, #[SensitiveParameter] string $secret): string
    {
        $mac = base64_encode(hash_hmac('sha256', $text, $secret, true));

        return substr($text, 0, -1) . ',"signature":"' . $mac . '"}';
    }

    /** Whether the gateway's holder of the same secret wrote this reply to this request (`Countersign-Reply`). */
    public static function isAuthentic(
        ?string $header,
        string $requestMac,
        int $status,
        string $body,
        #[SensitiveParameter]
        string $secret,
    ): bool {
        if ($header === null) {
            return false;
        }
        $covered = "countersign-reply\n$requestMac\n$status\n$body";

        return hash_equals(base64_encode(hash_hmac('sha256', $covered, $secret, true)), $header);
    }
}
