// The parts that package.json names, each with the set-up that it needs: `node scripts/run.mjs <task> [arguments]`.
// Runs before any dependency is installed: Node built-ins alone.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { build, ensureBuilt } from './setup/built.mjs'
import { attend, endAll } from './setup/children.mjs'
import { ensureDependencies } from './setup/dependencies.mjs'
import { ensureDocker } from './setup/docker.mjs'
import { ensureElectron } from './setup/electron.mjs'
import { root } from './setup/folders.mjs'
import { ensureBinaries, ensureKubernetes } from './setup/kubernetes.mjs'
import { requireNode } from './setup/node-version.mjs'
import { endWithParent } from './setup/parent.mjs'
import { say, step } from './setup/say.mjs'
import { ensurePackages, packagesFor } from './setup/system-packages.mjs'
import { ensureTestUser } from './setup/test-user.mjs'

const [task = '', ...args] = process.argv.slice(2)

/** @type {Record<string, () => Promise<number>>} */
const tasks = {
  lint: async () => {
    const style = await node('node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', ...args)
    const law = await node('scripts/import-law.mjs')
    return style || law
  },
  typecheck: () => node('node_modules/typescript/bin/tsc', '--noEmit', ...args),
  build: async () => {
    await step('building', build)
    return 0
  },
  agent: () => node('scripts/agent.mjs', ...args),
  bench: async () => {
    await prepareForWindow()
    if (wantsCluster(args)) await prepareForCluster()
    return node('scripts/run-typescript.mjs', 'test/bench/run.ts', ...args)
  },
  corpus: async () => {
    if (args.includes('--run')) {
      await ensurePackages([...packagesFor.docker, ...packagesFor.tests], 'Docker')
      const { ok, started } = await ensureDocker()
      if (!ok) throw new Error('Docker does not answer: see above')
      if (started) say(`Docker runs now and goes on afterwards. To stop it: kill ${started.pid}`)
    }
    return node('scripts/run-typescript.mjs', 'test/corpus/run.ts', ...args)
  },
  screenshots: async () => {
    await prepareForWindow()
    return node('scripts/run-typescript.mjs', 'test/e2e/screenshots.ts', ...args)
  },
  cluster: async () => {
    if (args[0] === 'up') {
      const age = ageOf(args)
      const packages = age === 'current' ? packagesFor.currentKubernetes : packagesFor.kubernetes
      await ensurePackages(packages, 'a Kubernetes cluster')
      const found = await ensureBinaries({ mayBuild: true, age })
      if ('problem' in found) throw new Error(found.problem)
    }
    return node('scripts/run-typescript.mjs', 'test/harness/kubernetes/by-hand.ts', ...args)
  },
  package: async () => {
    await ensureBuilt()
    const runtime = await ensureElectron()
    if ('problem' in runtime) throw new Error(runtime.problem)
    return node('scripts/package.mjs', runtime.folder, ...args)
  },
}

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
  process.on(signal, () => void endAll().then(() => process.exit(1)))
}

try {
  requireNode()
  endWithParent()
  const run = tasks[task]
  if (!run) throw new Error(`there is no task "${task}": ${Object.keys(tasks).join(', ')}`)
  await ensureDependencies()
  process.exitCode = await run()
} catch (error) {
  say(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}

/** @param {string} script @param {string[]} rest */
function node(script, ...rest) {
  return attend(process.execPath, [join(root, script), ...rest], { cwd: root })
}

/** Whether benches are named that need a cluster, or none at all, which is all of them. @param {string[]} given */
function wantsCluster(given) {
  const names = given.filter(
    (arg, at) => !arg.startsWith('-') && !/^--(json|rounds)$/.test(given[at - 1] ?? ''),
  )
  return names.length === 0 || names.some((name) => name.startsWith('k8s-'))
}

/** @param {string[]} given */
function ageOf(given) {
  return given.includes('--kubernetes=current') ? 'current' : 'oldest'
}

/** Where there can be none, each bench that needs it says why. */
async function prepareForCluster() {
  const age = ageOf(args)
  await ensurePackages(
    packagesFor[age === 'current' ? 'currentKubernetes' : 'kubernetes'],
    'a Kubernetes cluster',
  )
  try {
    await ensureKubernetes({ mayBuild: true, age })
  } catch (error) {
    say(error instanceof Error ? error.message : String(error))
  }
}

/** What drives the real window over a real engine needs what end-to-end tests need. */
async function prepareForWindow() {
  await ensurePackages(
    [...packagesFor.docker, ...packagesFor.tests, ...packagesFor.window],
    'a window without a display',
  )
  await ensureBuilt()
  const { ok, started } = await ensureDocker()
  if (!ok) throw new Error('Docker does not answer: see above')
  if (started) say(`Docker runs now and goes on afterwards. To stop it: kill ${started.pid}`)
  await ensureTestUser()
  const runtime = await ensureElectron()
  if ('problem' in runtime) throw new Error(runtime.problem)
  process.env.BERTH_TEST_ELECTRON = runtime.executable
  if (!existsSync(runtime.executable)) throw new Error(`${runtime.executable} is missing`)
}
