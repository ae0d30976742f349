#!/bin/sh
# The command line of the service: as its user, with its settings. Copy it to /usr/local/bin/countersign, mode 0755.
# Files are named by their whole path: it works from /, since the service's user may not see where you are.
set -eu
umask 077
cd /
# As bin/countersign of the package starts it, with these settings.
export GLIBC_TUNABLES="${GLIBC_TUNABLES-glibc.malloc.arena_max=1}"
set -- --env-file=/etc/countersign/countersign.env /opt/countersign/node_modules/countersign/dist/src/main.js "$@"
set -- /usr/bin/node --max-semi-space-size=32 "$@"
[ "$(id -un)" = countersign ] || set -- runuser -u countersign -- "$@"
exec "$@"
