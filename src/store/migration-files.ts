import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A numbered `.sql` file. */
export interface Migration {
  readonly file: string
  /** The number of the file. That of the newest one that a program knows is the schema of the program. */
  readonly number: number
  /** A contract takes away what only older programs use. The program that brings it works with it and without it. */
  readonly kind: 'expand' | 'contract'
  /** The schema of the oldest program that works with the database once this is applied. */
  readonly since: number
}

const numbered = /^\d{4}-.+\.sql$/

/** The names of the migrations of a folder, in order. */
export const migrationFiles = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => numbered.test(name))
    .sort()

/** The migrations of a folder, in order. */
export const migrationsOf = (folder: string): Migration[] =>
  migrationFiles(folder).map((file) => migrationOf(file, readFileSync(join(folder, file), 'utf8')))

/** The schema of a program with these migrations. */
export const schemaOfFolder = (folder: string): number => numberOf(migrationFiles(folder).at(-1) ?? '')

/** A schema as it is told and as files are named, such as 0032. */
export const schemaName = (schema: number): string => String(schema).padStart(4, '0')

/** Its statements, one by one. */
export const statementsOf = (folder: string, file: string): string[] =>
  readFileSync(join(folder, file), 'utf8')
    .replace(/^--.*$/gm, '')
    .split(/;\s*(?:\n|$)/)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '')

const numberOf = (file: string): number => Number(file.slice(0, 4))

/** The first line of a file says what older programs can do with it. Without a mark, none works with it. */
const expandMark = /^-- expand since (\d{4})$/m
const contractMark = /^-- contract$/m

function migrationOf(file: string, text: string): Migration {
  const [first = ''] = text.split('\n', 1)
  const number = numberOf(file)
  if (contractMark.test(first)) return { file, number, kind: 'contract', since: number }
  return { file, number, kind: 'expand', since: Number(expandMark.exec(first)?.[1] ?? number) }
}
