import { describe } from 'vitest'
import { startEngine } from '../ports/engine'
import { testApps } from './apps.suite'
import { whyNoApps } from './image'

const reason = await whyNoApps()
if (reason) console.log(`skipped: the real apps, because ${reason}`)

describe.skipIf(reason !== undefined)('real apps, unmodified, opened by the URL that Berth gives', () => {
  testApps(async () => {
    const test = await startEngine()
    return { test, dispose: () => test.dispose() }
  })
})
