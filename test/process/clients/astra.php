<?php
// php astra.php URL LOGIN PASSWORD < message.json: prints the HTTP status and the reply, one a line.
[, $url, $login, $password] = $argv;
$curl = curl_init();
curl_setopt($curl, CURLOPT_URL, $url);
curl_setopt($curl, CURLOPT_POST, 1);
curl_setopt($curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
curl_setopt($curl, CURLOPT_USERPWD, "$login:$password");
curl_setopt($curl, CURLOPT_POSTFIELDS, json_encode(json_decode(stream_get_contents(STDIN), true)));
curl_setopt($curl, CURLOPT_RETURNTRANSFER, true);
$reply = curl_exec($curl);
echo curl_getinfo($curl, CURLINFO_RESPONSE_CODE), "\n", $reply, "\n";
