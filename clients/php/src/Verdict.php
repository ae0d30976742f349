<?php

declare(strict_types=1);

namespace Countersign;

/** What to do after an answer. It is read as the protocol says: what is not signed proves nothing. */
final class Verdict
{
    public const DONE = 'done';
    public const REFUSED = 'refused';
    public const STALE = 'stale';
    public const AGAIN = 'again';
    public const UNPROVEN = 'unproven';

    /**
     * @param bool $sure with AGAIN: that this attempt has done nothing
     * @param bool $refused with AGAIN: that the gateway itself, or a limit in front of it, has refused
     */
    private function __construct(
        public readonly string $kind,
        public readonly string $what = '',
        public readonly bool $sure = false,
        public readonly bool $refused = false,
    ) {
    }

    public static function of(Answer $answer): self
    {
        return $answer->authentic ? self::ofSigned($answer) : self::ofUnsigned($answer);
    }

    private static function ofSigned(Answer $answer): self
    {
        $json = $answer->json;
        if ($json === null) {
            return new self(self::UNPROVEN, 'the reply is signed but is not a reply of a gateway');
        }
        $code = $json['code'];
        if (($json['status'] ?? '') === 'success') {
            return new self(self::DONE);
        }
        if (in_array($code, Code::RESENDABLE, true)) {
            return new self(self::AGAIN, $json['message'] ?? '', !in_array($code, Code::UNDECIDED, true), true);
        }
        if ($code === Code::STALE && is_int($json['server_time'] ?? null)) {
            return new self(self::STALE);
        }

        return new self(self::REFUSED);
    }

    private static function ofUnsigned(Answer $answer): self
    {
        ['status' => $status, 'json' => $json] = get_object_vars($answer);
        $page = "HTTP $status, " . ($json === null ? 'something that is no gateway' : 'an unsigned reply');
        if ($status >= 500) {
            return new self(self::AGAIN, $page);
        }
        if ($status >= 300 && $status < 400) {
            $what = "HTTP $status: redirects are not followed; give the URL of the gateway itself";

            return new self(self::UNPROVEN, $what);
        }
        $refused = $json !== null && ($json['status'] ?? '') !== 'success'
            && in_array($json['code'], Code::UNPROVABLE, true);
        if ($status === 429) {
            return new self(self::AGAIN, $page, refused: $refused);
        }
        if ($json === null) {
            return new self($status < 300 ? self::AGAIN : self::UNPROVEN, $page);
        }
        if ($refused) {
            return new self(self::REFUSED);
        }

        return new self(self::UNPROVEN, 'the signature of the reply is missing or wrong: do not believe it');
    }
}
