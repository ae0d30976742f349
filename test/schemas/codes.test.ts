import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { commands } from '../../commands/index.js'
import { native } from '../../dialects/native.js'
import {
  codes,
  commandCodes,
  entryOf,
  type GatewayCode,
  gatewayCodes,
  isDone,
  scaleengineCodes,
} from '../../schemas/codes.js'
import { executedOutcome, refusedOutcome } from '../../src/reply.js'
import { root } from '../support/instance.js'

/** Protocol §8. */
const httpOfGateway: Readonly<Record<number, readonly number[]>> = {
  400: [1400],
  401: [1401, 1402],
  403: [1403, 1406, 1407],
  404: [1404],
  405: [1405],
  408: [1408],
  409: [1409, 1410, 1411, 1414],
  413: [1413],
  415: [1415],
  422: [1422],
  429: [1429],
  500: [1500],
  503: [1503, 1507],
  504: [1504],
}
const absent = [2020, 2030, 2080, 3000, 3012, 3020, 4010, 4030, 4040, 5020]
const exchange = { requestId: 'r', serverTime: 1, handleTime: 0 }
const numbers = (table: object): number[] => Object.values(table).map(({ code }) => code)

test('each code of the gateway travels with its HTTP status, and says failure even where it is odd', () => {
  const table = new Map(Object.entries(httpOfGateway).flatMap(([http, list]) => list.map((code) => [code, +http])))
  assert.deepEqual(numbers(gatewayCodes).sort(), [...table.keys()].sort())
  for (const [name, { code, message }] of Object.entries(gatewayCodes)) {
    const { status, body } = native.encode(refusedOutcome(name as GatewayCode, {}, 'ping', false), exchange)
    const json = JSON.parse(body)
    assert.deepEqual([status, json.code, json.status, json.message], [table.get(code), code, 'failure', message])
  }
})

test('each code of a command travels with 200 when it says done, 404 when there is no such thing, else 409', () => {
  for (const [code, entry] of Object.entries(commandCodes)) {
    const executed = { code, entry, result: undefined, replayed: false, audited: false }
    const { status, body } = native.encode(executedOutcome(executed, 'ping', false), exchange)
    // "… and the like in 6xxx–9xxx": which of these are 404 is the table's to say.
    const open = entry.code >= 6000 && entry.http === 404
    const expected = isDone(entry.code) ? 200 : absent.includes(entry.code) || open ? 404 : 409
    assert.equal(status, expected, `${entry.code}`)
    assert.equal(JSON.parse(body).status, entry.code % 2 === 1 ? 'success' : 'failure', `${entry.code}`)
  }
})

test('no number stands for two things, and each has a text', () => {
  const all = numbers(codes)
  assert.equal(new Set(all).size, all.length)
  assert.equal(all.length, Object.keys(gatewayCodes).length + Object.keys(commandCodes).length)
  for (const { code, message } of Object.values(codes)) assert.match(message, /^[A-Z].*[^.\s]$/, `${code}`)
})

test('the gateway’s numbers are 14xx and 15xx, and no command’s number is', () => {
  for (const code of numbers(gatewayCodes)) assert.ok(code >= 1400 && code < 1600, `${code}`)
  for (const code of numbers(commandCodes)) assert.ok(code >= 2000 && code < 10_000, `${code}`)
})

test('every code of the commands is declared by some command, and every command can say that it is done', () => {
  const declared = new Set(commands.flatMap((command) => command.codes))
  assert.deepEqual([...declared].sort(), Object.keys(commandCodes).sort())
  for (const { name, codes: own } of commands) {
    assert.ok(
      own.some((code) => isDone(entryOf(numberOf(code)).code)),
      name,
    )
    assert.equal(new Set(own).size, own.length, name)
  }
})

const numberOf = (name: string): number => new Map(Object.entries(codes)).get(name)?.code ?? Number.NaN

test('a number that no table knows keeps its parity: even is not done, odd is done', () => {
  assert.deepEqual([entryOf(10_000).http, entryOf(10_001).http], [409, 200])
  assert.equal(entryOf(3021), commandCodes.USER_TOGGLED)
})

test('what ScaleEngine has a number of its own for is spelled with it, and nothing else', () => {
  const expected = new Map([
    [1404, 0],
    [1403, 1],
    [1406, 1],
    [1407, 1],
    [1402, 2],
    [1401, 3],
    [1500, 4],
    [1504, 4],
    [1507, 4],
    [1400, 6],
    [1422, 6],
    [1503, 1000],
  ])
  const table = new Map([...scaleengineCodes].map(([name, number]) => [numberOf(name), number]))
  assert.deepEqual(new Map([...table].sort()), new Map([...expected].sort()))
})

const withoutComments = (text: string): string => text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '')
const withoutTexts = (text: string): string => text.replace(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g, "''")

test('no number of a result stands anywhere but in schemas/codes.ts', () => {
  const known = new Set(numbers(codes).map(String))
  const places = ['src', 'commands', 'dialects', 'schemas', 'clients/typescript']
  const files = places.flatMap((place) =>
    readdirSync(join(root, place), { recursive: true, encoding: 'utf8' }).map((name) => join(place, name)),
  )
  // The client's table is generated from it.
  const tables = new Set([join('schemas', 'codes.ts'), join('clients', 'typescript', 'codes.ts')])
  const sources = files.filter((file) => file.endsWith('.ts') && !tables.has(file) && !file.includes('dist'))
  assert.ok(sources.length > 50)
  const found = sources.flatMap((file) => {
    const text = withoutComments(readFileSync(join(root, file), 'utf8'))
    // What schemas say of a setting may name a code to people.
    const told = file.startsWith('schemas') ? withoutTexts(text) : text
    const refusals = told.match(/(?<![\w.])1[45]\d\d(?![\w.])/g) ?? []
    const others = (withoutTexts(text).match(/(?<![\w.])\d{4}(?![\w.])/g) ?? []).filter((number) => known.has(number))
    return [...new Set([...refusals, ...others])].map((number) => `${file}: ${number}`)
  })
  assert.deepEqual(found, [])
})
