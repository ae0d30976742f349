import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { root } from './support/instance.js'

interface Locked {
  readonly integrity?: string
  readonly resolved?: string
  readonly hasInstallScript?: boolean
  readonly dev?: boolean
}

const read = (name: string) => JSON.parse(readFileSync(join(root, name), 'utf8'))
const packages: [path: string, entry: Locked][] = Object.entries<Locked>(read('package-lock.json').packages).filter(
  ([path]) => path !== '',
)

test('every package is pinned by its hash, and comes from the registry', () => {
  assert.ok(packages.length > 50)
  for (const [path, { integrity = '', resolved = 'https://registry.npmjs.org/' }] of packages) {
    assert.match(integrity, /^sha512-[A-Za-z0-9+/]{86}==$/, path)
    assert.match(resolved, /^https:\/\/registry\.npmjs\.org\//, path)
  }
})

test('no package but better-sqlite3 runs anything when it is installed, and npm is told so', () => {
  const running = packages.filter(([, { hasInstallScript }]) => hasInstallScript === true).map(([path]) => path)
  assert.deepEqual(running, ['node_modules/better-sqlite3'])
  assert.deepEqual(read('package.json').allowScripts, { 'better-sqlite3': true })
})

test('an installation is pinned as the tree is, without what only the tree needs', () => {
  const { '': _root, 'node_modules/countersign': own, ...installed } = read('deploy/package-lock.json').packages
  assert.deepEqual(installed, Object.fromEntries(packages.filter(([, { dev }]) => !dev)))
  assert.ok('node_modules/pg' in installed && !('node_modules/typescript' in installed))
  const { version, dependencies, optionalDependencies } = read('package.json')
  assert.deepEqual(
    [own.version, own.dependencies, own.optionalDependencies],
    [version, dependencies, optionalDependencies],
    'node scripts/shrinkwrap.mjs --lock',
  )
})
