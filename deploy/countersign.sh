#!/bin/sh
# The command line of the service: as its user, with its settings. Copy it to /usr/local/bin/countersign, mode 0755.
# Files are named by their whole path: it works from /, since the service's user may not see where you are.
set -eu
umask 077
cd /
set -- /usr/bin/node --env-file=/etc/countersign/countersign.env /opt/countersign/node_modules/countersign/dist/src/main.js "$@"
[ "$(id -un)" = countersign ] || set -- runuser -u countersign -- "$@"
exec "$@"
