import { afterAll } from 'vitest'
import { dockerHarness } from './docker-harness'
import { driverConformance } from './driver.conformance'

const harness = dockerHarness()
afterAll(() => harness.dispose())
driverConformance(harness)
