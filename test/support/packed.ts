import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import { root } from './instance.js'
import { removeFolder, run, temporaryFolder } from './server.js'

/** A program's folder in which the packed tree is installed as `npm install ./countersign-….tgz` does. */
export interface Installed {
  readonly folder: string
  /** What is in the package. */
  readonly files: readonly string[]
}

/**
 * Packs the tree and installs the package in a new folder, from which nothing of the tree can be seen. What it depends on
 * is copied from here beforehand, so that npm needs no network and SQLite is not compiled again.
 */
export async function installPacked(): Promise<Installed> {
  const folder = temporaryFolder()
  const npm = (args: readonly string[], cwd: string) =>
    run('npm', [...args, '--ignore-scripts', '--offline', '--no-audit', '--no-fund'], {
      cwd,
      env: { npm_config_cache: join(folder, '.npm') },
    })
  const shrinkwrap = (...args: string[]) => run(process.execPath, ['scripts/shrinkwrap.mjs', ...args], { cwd: root })
  await shrinkwrap()
  const packed = await npm(['pack', '--json', '--pack-destination', folder], root)
  await shrinkwrap('--remove')
  if (packed.status !== 0) throw new Error(packed.stderr)
  const [{ filename, files }]: [{ filename: string; files: { path: string }[] }] = JSON.parse(packed.stdout)
  const home = join(folder, 'app')
  mkdirSync(join(home, 'node_modules'), { recursive: true })
  writeFileSync(join(home, 'package.json'), '{"name":"app","private":true,"type":"module"}\n')
  copyDependencies(home)
  const installed = await npm(['install', join(folder, filename)], home)
  if (installed.status !== 0) {
    removeFolder(folder)
    throw new Error(installed.stderr)
  }
  return { folder: home, files: files.map(({ path }) => path) }
}

interface Locked {
  readonly dev?: boolean
}

/** Copies what a user of the package would get, and nothing that only its makers have. */
export function copyDependencies(home: string): void {
  const { packages }: { packages: Record<string, Locked> } = JSON.parse(
    readFileSync(join(root, 'package-lock.json'), 'utf8'),
  )
  const places = Object.entries(packages).flatMap(([place, { dev }]) =>
    place !== '' && !dev && existsSync(join(root, place)) ? [place] : [],
  )
  for (const place of places) {
    const from = join(root, place)
    const own = (path: string) => !path.slice(from.length).includes(`${sep}node_modules`)
    cpSync(from, join(home, place), { recursive: true, filter: own })
  }
  // npm takes a package whose programs are not linked for broken, and would fetch it again.
  const bin = join('node_modules', '.bin')
  mkdirSync(join(home, bin))
  for (const name of readdirSync(join(root, bin))) {
    const place = realpathSync(join(root, bin, name)).slice(root.length + 1)
    if (!existsSync(join(home, place))) continue
    cpSync(join(root, bin, name), join(home, bin, name), { verbatimSymlinks: true })
  }
}
