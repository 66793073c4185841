import { describe } from 'vitest'
import { execConformance } from './exec.conformance'
import { filesConformance } from './files.conformance'
import type { DriverHarness } from './harness'
import { lifecycleConformance } from './lifecycle.conformance'
import { logsConformance } from './logs.conformance'
import { watchConformance } from './watch.conformance'

/** What every driver must do, whatever it drives: each verb and each rule of main/engine/drivers/driver.ts. */
export function driverConformance(harness: DriverHarness): void {
  describe(`${harness.name} driver`, () => {
    lifecycleConformance(harness)
    watchConformance(harness)
    execConformance(harness)
    filesConformance(harness)
    logsConformance(harness)
  })
}
