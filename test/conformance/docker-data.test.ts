import { afterAll, describe } from 'vitest'
import { dataConformance } from './data.conformance'
import { dockerHarness } from './docker-harness'

const harness = dockerHarness()
afterAll(() => harness.dispose())
describe('docker driver', () => dataConformance(harness))
