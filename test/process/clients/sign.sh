#!/bin/sh
# A client of curl and openssl: sh sign.sh URL API_KEY SECRET HOW 'MEMBERS'
# MEMBERS are those of the message without its braces: "cmd":"ping"
set -eu
url=$1 api_key=$2 secret=$3 how=$4 members=$5

message="{$members,\"api_key\":\"$api_key\",\"timestamp\":$(date +%s)}"
mac() { printf '%s' "$message" | openssl dgst -sha256 -hmac "$secret" -binary; }
signed="${message%?},\"signature\":\"$(mac | openssl base64 -A)\"}"

case $how in
  -d | --data-binary) curl -sS "$how" "$signed" "$url" ;;
  stdin) printf '%s' "$signed" | curl -sS --data-binary @- "$url" ;;
  form) curl -sS --data-urlencode "json=$signed" "$url" ;;
  multipart) curl -sS --form-string "json=$signed" "$url" ;;
  header) curl -sS -H "Countersign-Signature: $(mac | od -An -v -tx1 | tr -d ' \n')" -d "$message" "$url" ;;
esac
