import { afterAll, beforeAll } from 'vitest'
import { strainConformance } from './driver.conformance'
import { kubernetesHarness } from './kubernetes-harness'

const harness = kubernetesHarness()
beforeAll(() => harness.prepare())
afterAll(() => harness.dispose())
strainConformance(harness)
