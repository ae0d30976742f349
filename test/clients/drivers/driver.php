<?php

declare(strict_types=1);

// A job of the tests: driver.php URL KEY_FILE < calls. Each line is a call as JSON; each answer is a line of JSON.

require __DIR__ . '/../../../clients/php/autoload.php';

use Countersign\Client;
use Countersign\CurlTransport;
use Countersign\Exception\CountersignException;
use Countersign\Reply;

[, $url, $keyFile] = $argv;
$key = json_decode((string) file_get_contents($keyFile), true);
$clients = [];

/** The names that the other languages give the same errors. */
function nameOf(CountersignException $error): string
{
    $parts = explode('\\', $error::class);
    $name = end($parts);

    return $name === 'TransportFailed' ? 'TransportError' : $name . 'Error';
}

function made(Client $client, stdClass $call): Reply
{
    $how = array_intersect_key((array) $call, ['idempotency_key' => 1, 'dry_run' => 1]);
    $params = (array) ($call->params ?? []);
    if (isset($call->cmd)) {
        return $client->call($call->cmd, $params, ...$how);
    }
    $method = lcfirst(str_replace(' ', '', ucwords(preg_replace('/[^a-z0-9]/', ' ', $call->helper))));

    return $client->{$method}(...$params, ...$how);
}

while (($line = fgets(STDIN)) !== false) {
    $call = json_decode($line, false, 512, JSON_THROW_ON_ERROR);
    $options = (array) ($call->options ?? []);
    if (isset($options['longest_wait'])) {
        $options['longestWait'] = $options['longest_wait'];
        unset($options['longest_wait']);
    }
    if (isset($options['ca_file'])) {
        $options['transport'] = new CurlTransport($options['ca_file']);
        unset($options['ca_file']);
    }
    try {
        $client = $clients[json_encode($call->options ?? null)] ??= new Client($url, $key['api_key'], $key['secret'], ...$options);
        $reply = made($client, $call);
        $answer = ['code' => $reply->code, 'replayed' => $reply->replayed, 'dry_run' => $reply->dryRun, 'result' => $reply->result];
    } catch (CountersignException $error) {
        $answer = [
            'error' => nameOf($error), 'text' => $error->getMessage(), 'code' => $error->getCode() ?: null,
            'errors' => $error->errors, 'request_id' => $error->requestId, 'outcome_unknown' => $error->outcomeUnknown,
            'authentic' => $error->authentic, 'attempts' => $error->attempts, 'idempotency_key' => $error->idempotencyKey,
        ];
    } catch (InvalidArgumentException $error) {
        $answer = ['error' => 'usage', 'text' => $error->getMessage()];
    }
    echo json_encode($answer, JSON_THROW_ON_ERROR), "\n";
}
