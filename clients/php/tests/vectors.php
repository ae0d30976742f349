<?php

declare(strict_types=1);

// The cases that clients and server share: php tests/vectors.php, in clients/php. Ends with 1 when one fails.

require __DIR__ . '/../autoload.php';

use Countersign\Signing;

$vectors = json_decode((string) file_get_contents(__DIR__ . '/../../vectors.json'), true, 512, JSON_THROW_ON_ERROR);
$secrets = array_column($vectors['keys'], 'secret', 'api_key');
$checked = $failed = 0;
$check = static function (string $reason, mixed $actual, mixed $expected) use (&$checked, &$failed): void {
    $checked++;
    if ($actual === $expected) {
        return;
    }
    $failed++;
    fwrite(STDERR, "$reason: expected " . json_encode($expected) . ', got ' . json_encode($actual) . "\n");
};
$base64 = static fn (string $text, string $secret): string => base64_encode((string) hex2bin(Signing::mac($text, $secret)));

foreach ($vectors['requests'] as $case) {
    $secret = $secrets[$case['api_key']];
    $check($case['reason'], Signing::mac($case['signed'], $secret), $case['mac_hex']);
    $check($case['reason'], $base64($case['signed'], $secret), $case['mac_base64']);
    if (($case['signature_is'] ?? '') === 'last') {
        $check($case['reason'], Signing::sign($case['signed'], $secret), $case['body']);
    }
}
foreach ($vectors['replies'] as $case) {
    ['header' => $header, 'request_mac' => $mac, 'status' => $status, 'body' => $body, 'secret' => $secret] = $case;
    $check($case['reason'], Signing::isAuthentic($header, $mac, $status, $body, $secret), $case['authentic']);
}
foreach ($vectors['refusals'] as $case) {
    $genuine = $base64($case['signed'], $secrets[$case['api_key']]) === $case['signature'];
    $check($case['reason'], $genuine, $case['genuine']);
}

echo "$checked checked, $failed failed\n";
exit($failed === 0 && $checked > 100 ? 0 : 1);
