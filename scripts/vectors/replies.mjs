// Replies with their signatures, right and wrong: what a client must believe, and what not.
export function replies({ digest }) {
  const secret = 'an-example-secret-not-for-production'
  const request =
    '{"cmd":"toggle-user","id":"alice","api_key":"example-key","timestamp":1795332418,"idempotency_key":"job-81-step-3"}'
  const mac = digest(secret, request, 'hex')
  const done =
    '{"code":3021,"status":"success","message":"User toggled","cmd":"toggle-user","request_id":"0mwr3qv9s5JpTzC8xVb1Nd","server_time":1795332418,"handle_time":"0.0004 seconds","result":{"id":"alice","enable":false}}'
  const absent = '{"code":3020,"status":"failure","message":"There is no such user to toggle","cmd":"toggle-user"}'
  const foreign = '{"code":3001,"status":"success","message":"User","result":{"comment":"Zoë 日本 😀 \u2028"}}'
  const sign = (status, body, by = secret, over = mac) =>
    digest(by, `countersign-reply\n${over}\n${status}\n${body}`, 'base64')
  const row = (reason, status, body, header, authentic) => ({
    reason,
    secret,
    request_mac: mac,
    status,
    body,
    header,
    authentic,
  })
  const right = sign(200, done)
  return [
    row('a success', 200, done, right, true),
    row('a failure travels with its HTTP status', 404, absent, sign(404, absent), true),
    row('a body that is not ASCII, as its UTF-8 bytes', 200, foreign, sign(200, foreign), true),
    row(
      'a body of the same JSON, spelled otherwise: signed as it came',
      200,
      `${done}\n`,
      sign(200, `${done}\n`),
      true,
    ),
    row('an empty body', 502, '', sign(502, ''), true),
    row('no signature', 200, done, null, false),
    row('an empty signature', 200, done, '', false),
    row('another HTTP status than the one that was signed', 201, done, right, false),
    row('a body that was changed', 200, done.replace('false', 'true '), right, false),
    row('a body with a space more', 200, `${done} `, right, false),
    row(
      'the reply to another request',
      200,
      done,
      sign(200, done, secret, digest(secret, `${request} `, 'hex')),
      false,
    ),
    row('the MAC of the request in upper case', 200, done, sign(200, done, secret, mac.toUpperCase()), false),
    row('another secret', 200, done, sign(200, done, `${secret}!`), false),
    row('the signature of the request, sent back', 200, request, digest(secret, request, 'base64'), false),
    row('in hex', 200, done, Buffer.from(right, 'base64').toString('hex'), false),
    row('without padding', 200, done, right.replace(/=$/, ''), false),
    row('the right one with something behind it', 200, done, `${right}, ${right}`, false),
    row('something that is not ASCII', 200, done, '日本', false),
  ]
}
