<?php

declare(strict_types=1);

namespace Countersign;

use CurlHandle;

/** HTTP by ext-curl. Proxies of the environment (`https_proxy`, `no_proxy`) are curl's own business, and honoured. */
final class CurlTransport implements Transport
{
    /** No connection, or one whose certificate was refused: nothing was sent. */
    private const UNCONNECTED = [
        CURLE_COULDNT_RESOLVE_PROXY,
        CURLE_COULDNT_RESOLVE_HOST,
        CURLE_COULDNT_CONNECT,
        CURLE_SSL_PEER_CERTIFICATE,
        CURLE_SSL_CACERT,
    ];

    /** @param string|null $caFile certificates to trust instead of the system's; there is no way to trust none */
    public function __construct(private readonly ?string $caFile = null)
    {
    }

    public function post(string $url, array $headers, string $body, float $timeout): Response
    {
        $curl = curl_init($url);
        if ($curl === false) {
            throw new Unanswered('curl could not be started', false);
        }
        $received = [];
        curl_setopt_array($curl, $this->options($headers, $body, $timeout));
        curl_setopt($curl, CURLOPT_HEADERFUNCTION, static function (CurlHandle $_, string $line) use (&$received): int {
            $parts = explode(':', $line, 2);
            if (str_starts_with($line, 'HTTP/')) {
                // What came before, such as 100 Continue or a proxy's answer, is not the reply.
                $received = [];
            } elseif (count($parts) === 2) {
                $received[strtolower(trim($parts[0]))] = trim($parts[1]);
            }

            return strlen($line);
        });
        $text = curl_exec($curl);
        $number = curl_errno($curl);
        if (!is_string($text)) {
            throw new Unanswered(curl_error($curl), !in_array($number, self::UNCONNECTED, true));
        }

        return new Response((int) curl_getinfo($curl, CURLINFO_RESPONSE_CODE), $received, $text);
    }

    /**
     * @param list<string> $headers
     * @return array<int, mixed>
     */
    private function options(array $headers, string $body, float $timeout): array
    {
        $options = [
            CURLOPT_POST => true,
            CURLOPT_POSTFIELDS => $body,
            // No "Expect: 100-continue": it costs a second where a proxy does not know it.
            CURLOPT_HTTPHEADER => [...$headers, 'Expect:'],
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_FOLLOWLOCATION => false,
            CURLOPT_PROTOCOLS => CURLPROTO_HTTP | CURLPROTO_HTTPS,
            CURLOPT_SSL_VERIFYPEER => true,
            CURLOPT_SSL_VERIFYHOST => 2,
            CURLOPT_TIMEOUT_MS => (int) ceil($timeout * 1000),
            CURLOPT_NOSIGNAL => true,
            // On a connection used before, curl would send the same bytes again on its own when that one has died.
            CURLOPT_FRESH_CONNECT => true,
            CURLOPT_FORBID_REUSE => true,
        ];
        if ($this->caFile !== null) {
            $options[CURLOPT_CAINFO] = $this->caFile;
        }

        return $options;
    }
}
