<?php
// A client as Uplynk's PHP sample has it, with the line feed after sig: php uplynk.php URL OWNER SECRET < calls.json
// Reads [[path, params], …], makes the calls in order, prints [[msg, sig, reply], …]. An HTTP status that is no success ends it.
[, $url, $owner, $secret] = $argv;
$now = time();
$answers = array();
foreach (json_decode(file_get_contents('php://stdin'), true) as [$path, $params]) {
    $params['_owner'] = $owner;
    $params['_timestamp'] = $now;
    $msg = trim(base64_encode(gzcompress(json_encode($params), 9)));
    $sig = hash_hmac('sha256', $msg, $secret);
    $http = array(
        'method' => 'POST',
        'header' => 'Content-Type: application/x-www-form-urlencoded',
        'content' => 'msg=' . urlencode($msg) . '&sig=' . $sig . "\n",
    );
    $response = file_get_contents($url . $path, false, stream_context_create(array('http' => $http)));
    if ($response === false) {
        exit(1);
    }
    $answers[] = array($msg, $sig, json_decode($response));
}
echo json_encode($answers);
