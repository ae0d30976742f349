<?php

declare(strict_types=1);

namespace Countersign;

use InvalidArgumentException;
use SensitiveParameter;

/** Signs commands, sends each until it is answered, and believes only what the gateway has signed. */
final class Client extends Commands
{
    private const RESERVED = ['cmd', 'api_key', 'timestamp', 'signature', 'idempotency_key', 'dry_run', 'cdn', 'audience'];

    /** With `/control` at its end. */
    public readonly string $url;
    private readonly Clock $clock;

    /**
     * @param string $url such as `https://control.example.org`; `/control` is appended unless it ends so
     * @param float $timeout seconds of one attempt; the gateway waits up to 10 s for a request that is still running
     * @param int $retries how often a call is sent again after its first attempt
     * @param float $longestWait seconds, the longest single wait before another attempt; who asks for more gets no other
     * @param int|null $cdn the number of the account, to be sent with every message
     * @param string|null $audience the name of the instance that messages are for, where its operator has given it one
     */
    public function __construct(
        string $url,
        private readonly string $apiKey,
        #[SensitiveParameter]
        private readonly string $secret,
        private readonly float $timeout = 30.0,
        private readonly int $retries = 6,
        private readonly float $longestWait = 60.0,
        private readonly ?int $cdn = null,
        private readonly ?string $audience = null,
        private readonly Transport $transport = new CurlTransport(),
    ) {
        if (preg_match('~^https?://[^/]~', $url) !== 1) {
            throw new InvalidArgumentException("\"$url\" is not an http or https URL of a gateway");
        }
        $this->url = preg_match('~/control/?$~', $url) === 1 ? $url : rtrim($url, '/') . '/control';
        $this->clock = new Clock();
    }

    /** Reads `api_key` and `secret` from a JSON file, such as the gateway's `admin-key.json`. */
    public static function fromKeyFile(string $url, string $file): self
    {
        if (!is_readable($file)) {
            throw new InvalidArgumentException("$file cannot be read");
        }
        $text = (string) file_get_contents($file);
        ['api_key' => $apiKey, 'secret' => $secret] = (array) json_decode($text, true) + ['api_key' => null, 'secret' => null];
        if (!is_string($apiKey) || !is_string($secret)) {
            throw new InvalidArgumentException("$file: expected JSON with api_key and secret");
        }

        return new self($url, $apiKey, $secret);
    }

    /**
     * Runs a command.
     *
     * @param array<string, mixed> $params an empty object is `new \stdClass()`: `[]` is an empty list
     * @param string|null $idempotency_key 8 to 128 characters of `A-Za-z0-9._~:+/=-`. Give one, and store it before the
     *     call, when the job must survive its own end: called again with it, the command is not done twice. Without it
     *     each call has one of its own.
     * @param bool $dry_run check everything, keep nothing
     * @throws Exception\CountersignException unless it was done
     */
    public function call(
        string $cmd,
        array $params = [],
        ?string $idempotency_key = null,
        bool $dry_run = false,
    ): Reply {
        $wrong = array_values(array_intersect(self::RESERVED, array_map('strval', array_keys($params))));
        if ($cmd === '' || $wrong !== []) {
            throw new InvalidArgumentException($cmd === '' ? 'the command is missing' : "\"$wrong[0]\" is no parameter of a command");
        }
        $key = $idempotency_key ?? bin2hex(random_bytes(16));
        $extra = ['dry_run' => $dry_run ?: null, 'cdn' => $this->cdn, 'audience' => $this->audience];
        $message = ['cmd' => $cmd] + $params + ['api_key' => $this->apiKey, 'idempotency_key' => $key]
            + array_filter($extra, static fn (mixed $value): bool => $value !== null);
        $attempts = new Attempts($cmd, $key, $this->retries, $this->longestWait, $this->clock);

        return $attempts->run(fn (int $timestamp): Answer => $this->send($message + ['timestamp' => $timestamp]));
    }

    /**
     * Sends one message, once.
     *
     * @param array<string, mixed> $message
     */
    private function send(array $message): Answer
    {
        $text = json_encode($message, JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE);
        $headers = ['Content-Type: application/json', 'Accept: application/json'];
        $body = Signing::sign($text, $this->secret);
        $response = $this->transport->post($this->url, $headers, $body, $this->timeout);

        return Answer::of($response, Signing::mac($text, $this->secret), $this->secret);
    }
}
