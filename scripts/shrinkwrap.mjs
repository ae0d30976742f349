// What pins the packages of an installation, made from package-lock.json without those that only this tree needs.
// npm-shrinkwrap.json is there while the package is packed (npm prefers it to package-lock.json, so not in the tree): installs from a
// registry follow it. npm does not look for it in a package file: deploy/package-lock.json is for those, and for the image.
// `--lock` writes that one, `--remove` takes the other away.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const shrinkwrap = join(root, 'npm-shrinkwrap.json')
const write = (file, value) => writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`)

if (process.argv.includes('--remove')) rmSync(shrinkwrap, { force: true })
else {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  const { '': own, ...packages } = lock.packages
  const needed = Object.fromEntries(Object.entries(packages).filter(([, { dev }]) => !dev))
  const { devDependencies: _, ...countersign } = own
  if (process.argv.includes('--lock')) {
    const { name: _name, ...installed } = countersign
    const dependencies = { countersign: 'file:countersign.tgz' }
    write(join(root, 'deploy/package-lock.json'), {
      name: 'countersign-installation',
      lockfileVersion: lock.lockfileVersion,
      requires: true,
      packages: {
        '': { name: 'countersign-installation', dependencies },
        'node_modules/countersign': { ...installed, resolved: 'file:countersign.tgz' },
        ...needed,
      },
    })
  } else write(shrinkwrap, { ...lock, packages: { '': countersign, ...needed } })
}
