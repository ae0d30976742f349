import { test } from 'node:test'
import { powerDrill } from '../support/power-drill.js'

test('the power goes at any of 1,000 moments under load, and unsynced writes are lost, kept or torn: nothing that was answered is missing', (t) =>
  powerDrill(t, 1_000, 4_000))
