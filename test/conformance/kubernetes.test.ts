import { afterAll, beforeAll } from 'vitest'
import { driverConformance } from './driver.conformance'
import { kubernetesHarness } from './kubernetes-harness'

const harness = kubernetesHarness()
beforeAll(() => harness.prepare())
afterAll(() => harness.dispose())
driverConformance(harness)
