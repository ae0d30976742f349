import { test } from 'node:test'
import { restartDrill } from '../support/restart-drill.js'

test('10 rolling restarts under load, behind clients that send again: nothing is lost, nothing doubled', (t) =>
  restartDrill(t, 10))
