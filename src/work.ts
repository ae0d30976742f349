import { randomBytes } from 'node:crypto'
import { statfsSync } from 'node:fs'
import { commands } from '../commands/index.js'
import { backup } from './backup.js'
import { publishAll } from './catalogue.js'
import { chainMacOf, headFile, keptCheckpoints } from './checkpoint.js'
import type { Tools } from './cli/tools.js'
import { instanceOn, surroundings } from './compose.js'
import { initialise, migrateData, openData, openMaster } from './data.js'
import { examine } from './doctor.js'
import { lowerFloor } from './floor.js'
import { move } from './move.js'
import { openapi } from './openapi.js'
import { loadCommands } from './own-commands.js'
import { rekey } from './rekey.js'
import { restore } from './restore.js'
import { verifyChain } from './store/audit-chain.js'
import { OfflineTrail } from './store/offline-trail.js'

type Work = Pick<
  Tools,
  | 'examine'
  | 'initialise'
  | 'open'
  | 'backup'
  | 'restore'
  | 'lowerFloor'
  | 'rekey'
  | 'migrate'
  | 'move'
  | 'openTrail'
  | 'verifyRows'
  | 'describe'
>

/** What verbs do to a data folder, or with every command. */
export function workOf({ uid, progress }: Pick<Tools, 'uid' | 'progress'>, version: string): Work {
  const silent = surroundings('silent')
  const withSteps = { ...silent, onStep: progress }
  return {
    examine: (config) => examine(config, { ...silent, uid: uid(), freeBytes }),
    initialise: (config, cdn) => initialise(config, cdn, silent),
    async open(config) {
      const around = surroundings(config.logLevel === 'info' ? 'warn' : config.logLevel)
      return instanceOn(await openData(config, around), config, around)
    },
    backup: (config, file) => backup(config, file, withSteps, uid()),
    restore: (config, file) => restore(config, file, withSteps, uid()),
    lowerFloor: (config, options) => lowerFloor(config, silent, { ...options, uid: uid() }),
    rekey: (config, options) => rekey(config, silent, { ...options, uid: uid() }),
    migrate: (config, finish) => migrateData(config, withSteps, finish),
    move: (config, options) => move(config, silent, options),
    async openTrail(config) {
      const { db, vault, node } = await openData(config, silent, { patient: true })
      const kept = () => keptCheckpoints(headFile(config.data))
      return new OfflineTrail(db, chainMacOf(vault), node, (session) => vault.refresh(session), kept)
    },
    verifyRows: (config, rows, evidence, onRow) =>
      verifyChain(rows, evidence, chainMacOf(openMaster(config, { randomBytes })), onRow),
    async describe({ commands: folder }) {
      const own = folder ? await loadCommands(folder) : []
      return openapi(publishAll([...commands, ...own]), version)
    },
  }
}

function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder)
  return bavail * bsize
}
