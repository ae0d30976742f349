import { test } from 'node:test'
import { killDrill } from '../support/kill-drill.js'

const rounds = Number(process.env.ROUNDS ?? 1_000)

test(`${rounds} kills at random moments under load: what was answered is there once, everything else once or not at all`, (t) =>
  killDrill(t, rounds))
