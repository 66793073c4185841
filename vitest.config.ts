import { defineConfig } from 'vitest/config'
import { PATIENCE } from './test/harness/bounds.ts'

/**
 * unit: beside the code, no engine and no window. conformance: a real Docker engine. kubernetes: a real cluster of the
 * oldest version; kubernetes-current: one of a current version. e2e: the built application in a real Electron window.
 * `npm test` runs them one after another, see scripts/test.mjs; editors (real ones, fetched from npm) where it is named.
 */
const minutes = (count: number) => count * 60_000
const kubernetesTests = ['test/{harness/,}kubernetes/**/*.test.ts', 'test/conformance/kubernetes*.test.ts']
/** What an old server does not have. */
const currentTests = 'test/kubernetes/current/**/*.test.ts'
/** Waiting for what must come has a bound for what hangs, and is no measure: a busy machine takes its time. */
const patient = {
  environment: 'node' as const,
  setupFiles: ['test/harness/patience.ts'],
  expect: { poll: { timeout: PATIENCE } },
}
/** Real clusters, one for each run. */
const onCluster = {
  ...patient,
  globalSetup: ['test/harness/kubernetes/global-setup.ts'],
  // Bounds for what hangs. Some bring up five workspaces in three quarters of a minute of an idle machine.
  testTimeout: minutes(10),
  hookTimeout: minutes(10),
  pool: 'forks' as const,
  // Most of their time is a wait for pods.
  maxWorkers: 3,
}

export default defineConfig({
  test: {
    teardownTimeout: minutes(1),
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            '{contract,main,cli,preload,renderer,scripts,test/bench,test/corpus}/**/*.test.{ts,tsx,mjs}',
          ],
          ...patient,
          testTimeout: minutes(1),
          hookTimeout: minutes(1),
          restoreMocks: true,
        },
      },
      {
        test: {
          name: 'conformance',
          include: [
            'test/{harness,conformance,workspaces,terminals,apps,ports,cli,compare,faults}/**/*.test.ts',
          ],
          exclude: kubernetesTests,
          ...patient,
          globalSetup: ['test/harness/global-setup.ts'],
          testTimeout: minutes(3),
          hookTimeout: minutes(5),
          pool: 'forks',
          maxWorkers: 2,
        },
      },
      {
        test: {
          ...onCluster,
          name: 'kubernetes',
          include: kubernetesTests,
          exclude: [currentTests],
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          ...onCluster,
          name: 'kubernetes-current',
          env: { BERTH_TEST_KUBERNETES: 'current' },
          // All that the oldest is tested with only where it is asked for.
          include: process.env.BERTH_TEST_WHOLE ? [...kubernetesTests, currentTests] : [currentTests],
          exclude: process.env.BERTH_TEST_WHOLE ? ['test/kubernetes/current/conformance.test.ts'] : [],
          sequence: { groupOrder: 3 },
        },
      },
      {
        test: {
          name: 'editors',
          include: ['test/editors/**/*.test.ts'],
          ...patient,
          globalSetup: ['test/harness/global-setup.ts'],
          testTimeout: minutes(3),
          hookTimeout: minutes(5),
          sequence: { groupOrder: 4 },
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          ...patient,
          globalSetup: ['test/harness/e2e-setup.ts'],
          testTimeout: minutes(3),
          hookTimeout: minutes(5),
          pool: 'forks',
          maxWorkers: 1,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
