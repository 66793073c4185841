import { afterAll } from 'vitest'
import { dockerHarness } from './docker-harness'
import { strainConformance } from './driver.conformance'

const harness = dockerHarness()
afterAll(() => harness.dispose())
strainConformance(harness)
