import { afterAll, beforeAll, describe } from 'vitest'
import { dataConformance } from './data.conformance'
import { kubernetesHarness } from './kubernetes-harness'

const harness = kubernetesHarness()
beforeAll(() => harness.prepare())
afterAll(() => harness.dispose())
describe('kubernetes driver', () => dataConformance(harness))
