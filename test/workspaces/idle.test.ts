import { beforeAll } from 'vitest'
import { command } from '../harness/command'
import { ensureImages } from '../harness/images'
import { testIdle } from './idle.suite'

beforeAll(() => ensureImages(['debian']))

const isRunning = async (instance: string) =>
  (await command('docker', ['inspect', '--format', '{{.State.Running}}', instance])).trim() === 'true'

testIdle({
  env: () => ({}),
  kind: 'docker',
  hasEnded: async ({ instance = '' }) => !(await isRunning(instance)),
  remains: async ({ instance = '' }) => ((await isRunning(instance)) ? 1 : 0),
})
