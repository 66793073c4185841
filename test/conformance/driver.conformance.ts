import { describe } from 'vitest'
import { cancelConformance } from './cancel.conformance'
import { dialConformance } from './dial.conformance'
import { execConformance } from './exec.conformance'
import { filesConformance } from './files.conformance'
import type { DriverHarness } from './harness'
import { lifecycleConformance } from './lifecycle.conformance'
import { logsConformance } from './logs.conformance'
import { manyConformance } from './many.conformance'
import { serviceExecConformance } from './service-exec.conformance'
import { servicesConformance } from './services.conformance'
import { terminalsConformance } from './terminals.conformance'
import { watchConformance } from './watch.conformance'

/** What every driver must do, whatever it drives: each verb and each rule of main/engine/drivers/driver.ts. */
export function driverConformance(harness: DriverHarness): void {
  describe(`${harness.name} driver`, () => {
    lifecycleConformance(harness)
    servicesConformance(harness)
    serviceExecConformance(harness)
    watchConformance(harness)
    execConformance(harness)
    filesConformance(harness)
    logsConformance(harness)
  })
}

/** The same in numbers, at any moment, and for as long as it takes: apart, so that it runs beside the rest. */
export function strainConformance(harness: DriverHarness): void {
  describe(`${harness.name} driver under strain`, () => {
    dialConformance(harness)
    terminalsConformance(harness)
    cancelConformance(harness)
    manyConformance(harness)
  })
}
