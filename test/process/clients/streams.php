<?php
// A client as PHP programs of 2014 were written: php streams.php URL API_KEY SECRET CDN CARRIER [JSON_FLAGS] < request.json
// CARRIER: multipart (an array given to curl), urlencoded (http_build_query) or body (the JSON itself).
[, $url, $api_key, $secret, $cdn, $carrier] = $argv;
$flags = (int) ($argv[6] ?? 0);

$request = json_decode(file_get_contents('php://stdin'), true);
$request += array(
    'api_key' => $api_key,
    'timestamp' => time(),
    'cdn' => (int) $cdn,
);

$unsigned = json_encode($request, $flags);
$request['signature'] = base64_encode(hash_hmac('sha256', $unsigned, $secret, true));
$json = json_encode($request, $flags);

$fields = array(
    'multipart' => array('json' => $json),
    'urlencoded' => http_build_query(array('json' => $json)),
    'body' => $json,
);

$ch = curl_init();
curl_setopt($ch, CURLOPT_URL, $url);
curl_setopt($ch, CURLOPT_POST, true);
curl_setopt($ch, CURLOPT_RETURNTRANSFER, true);
curl_setopt($ch, CURLOPT_HEADER, false);
curl_setopt($ch, CURLOPT_POSTFIELDS, $fields[$carrier]);

$response = curl_exec($ch);
if (!$response) {
    fwrite(STDERR, curl_error($ch) . "\n");
    exit(1);
}
$reply = json_decode($response, true);
if (!$reply) {
    fwrite(STDERR, "not JSON: $response\n");
    exit(1);
}
echo json_encode($reply);
