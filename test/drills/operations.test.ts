import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { root } from '../support/instance.js'
import { copyDependencies } from '../support/packed.js'
import { hasPrograms, removeFolder, run, temporaryFolder, unchecked } from '../support/server.js'

const page = readFileSync(join(root, 'docs/operations.md'), 'utf8')

/** The shell commands of the document, as they are printed, by the number of their step. */
function printed(step: number): string[] {
  const [, text = ''] = page.split(new RegExp(`^## ${step}\\. `, 'm'))
  const [own = ''] = text.split(/^## /m)
  const blocks = [...own.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block)
  assert.ok(blocks.length > 0, `docs/operations.md has no commands in step ${step}`)
  return blocks
}

/**
 * What this machine has in place of an init system. systemd itself must call the units sound; what they would do is done by
 * supervisor, as the document says.
 */
const systemctl = `#!/bin/sh
case "$*" in
  'restart countersign') exec supervisorctl restart countersign ;;
  'restart prometheus')
    cd / && runuser -u prometheus -- prometheus --config.file=/etc/prometheus/prometheus.yml \\
      --storage.tsdb.path=/var/lib/prometheus/drill --web.listen-address=127.0.0.1:9090 > /var/log/prometheus-drill.log 2>&1 & ;;
  'daemon-reload') systemd-analyze verify --man=no /etc/systemd/system/countersign*.service /etc/systemd/system/countersign*.timer ;;
  'enable --now countersign countersign-backup.timer') test -f /etc/systemd/system/countersign-backup.timer ;;
  *) echo "systemctl $*: not expected" >&2; exit 1 ;;
esac
`

/** Waits for what a service does a moment after it was started. */
const wait = (command: string) =>
  `{ set +x; } 2> /dev/null; for try in $(seq 100); do if ${command}; then break; fi; [ $try -lt 100 ] || { echo 'never: ${command.replaceAll("'", '')}'; exit 1; }; sleep 0.2; done; set -x`

/** A copy of this machine that nobody else sees: what is written to it is forgotten, and its ports are its own. */
const apart = (scratch: string) => `set -eu
ip link set lo up
mount -t tmpfs scratch ${scratch}/layers
for place in etc opt usr/local var; do
  mkdir -p ${scratch}/layers/$place/upper ${scratch}/layers/$place/work
  mount -t overlay layer -o lowerdir=/$place,upperdir=${scratch}/layers/$place/upper,workdir=${scratch}/layers/$place/work /$place
done
rm -rf /opt/countersign /etc/countersign /var/lib/countersign /var/backups/countersign
cp -a ${scratch}/opt/countersign /opt/countersign
install -m 0755 ${scratch}/systemctl /usr/local/bin/systemctl
echo '127.0.0.1 localhost control.example.org' > /etc/hosts
mkdir -p /run/drill /var/lib/prometheus/drill /var/log/supervisor
mount -t tmpfs run /run
chown prometheus /var/lib/prometheus/drill
supervisord -c /etc/supervisor/supervisord.conf
nginx
`

async function walked(t: TestContext): Promise<string | undefined> {
  const programs = [
    'supervisord',
    'nginx',
    'prometheus',
    'promtool',
    'systemd-analyze',
    'openssl',
    'curl',
    'unshare',
    'ip',
  ]
  if (!hasPrograms(t, ...programs)) return undefined
  if (process.getuid?.() !== 0) return void unchecked(t, 'it needs root')
  const scratch = temporaryFolder()
  t.after(() => removeFolder(scratch))
  for (const folder of ['layers', 'opt/countersign/node_modules']) mkdirSync(join(scratch, folder), { recursive: true })
  copyDependencies(join(scratch, 'opt/countersign'))
  writeFileSync(join(scratch, 'systemctl'), systemctl)
  const packed = await run('npm', ['pack', '--ignore-scripts', '--pack-destination', scratch], { cwd: root })
  assert.equal(packed.status, 0, packed.stderr)
  const [systemd = '', supervisor = '', first = ''] = printed(2)
  const [backedUp = ''] = printed(6)
  const script = [
    apart(scratch),
    `cd ${scratch}; export npm_config_offline=true npm_config_ignore_scripts=true npm_config_audit=false`,
    // Without a network what an install script would fetch or compile is taken from this tree.
    `npm() { command npm "$@" && cp -a ${root}/node_modules/better-sqlite3/build /opt/countersign/node_modules/better-sqlite3/; }; set -x`,
    ...printed(1),
    systemd.replace(/^journalctl.*\n/m, ''),
    supervisor,
    wait('curl -sf http://127.0.0.1:8420/readyz > /var/log/ready'),
    first,
    ...printed(3),
    ...printed(4),
    ...printed(5),
    wait(`curl -s http://127.0.0.1:9090/api/v1/targets | grep -q '"health":"up"'`),
    `curl -s http://127.0.0.1:9090/api/v1/rules | grep -q '"name":"CountersignDown"'`,
    backedUp,
    `cp ${scratch}/countersign-*.tgz . `,
    ...printed(7),
    wait('countersign call ping'),
    'echo "the way is walked"',
  ].join('\n')
  writeFileSync(join(scratch, 'walk.sh'), script)
  const { status, stdout, stderr } = await run('unshare', [
    ...['--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc', 'timeout', '300', 'bash'],
    join(scratch, 'walk.sh'),
  ])
  assert.equal(status, 0, `${stdout}\n${stderr}`)
  return stdout
}

test('docs/operations.md, as written, goes from the package to a watched, backed-up service behind TLS', async (t) => {
  const said = await walked(t)
  if (said === undefined) return
  assert.match(said, /the way is walked/)
  assert.equal(said.match(/"cmd":"ping".*"pong":true/g)?.length, 3, said)
})
