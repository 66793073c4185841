import { afterAll, beforeAll, describe } from 'vitest'
import { kubernetesHarness } from '../../conformance/kubernetes-harness'
import { lifecycleConformance } from '../../conformance/lifecycle.conformance'

/** The core of what the oldest Kubernetes is tested with in full, for runs in which a current one is not. */
const harness = kubernetesHarness()
beforeAll(() => harness.prepare())
afterAll(() => harness.dispose())

describe(`${harness.name} driver`, () => lifecycleConformance(harness))
