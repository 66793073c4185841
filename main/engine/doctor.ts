import { statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { Check, Problem, Target } from '#contract'
import type { ReadonlyCollection } from './platform/collection'
import type { Handlers } from './platform/handlers'
import type { Platform } from './platform/platform'
import { listenOn } from './ports/loopback'

/** Below this the temporary folder cannot hold the clone of an ordinary repository. */
const LOW_SPACE = 1_000_000_000
/** How long a target may take to answer before it is called slow. */
const TARGET_LIMIT = 15_000
/** Oldest git with all that Berth uses: partial clones over protocol v2 (git 2.19, September 2018). */
const OLDEST_GIT = [2, 19] as const

export interface DoctorParts {
  readonly platform: Platform
  readonly targets: ReadonlyCollection<Target>
  /** The port that this process's own router has, if any: then it is no surprise that it is taken. */
  readonly routerPort?: () => number | undefined
}

/** Looks at everything on this machine that Berth leans on. Changes nothing. */
export function createDoctor(parts: DoctorParts): Handlers['doctor.run'] {
  const { platform } = parts
  return async (_input, signal) => {
    const checks = await Promise.all([
      Promise.resolve(versionCheck(platform)),
      gitCheck(platform, signal),
      sshCheck(platform, signal),
      temporaryCheck(platform),
      routerCheck(platform, parts.routerPort?.()),
      targetChecks(platform, parts.targets, signal),
    ])
    return checks.flat()
  }
}

function versionCheck(platform: Platform): Check {
  const electron = process.versions.electron ? `, Electron ${process.versions.electron}` : ''
  return {
    name: 'Berth',
    state: 'ok',
    message: `${platform.version} on ${process.platform}/${process.arch}, Node ${process.versions.node}${electron}`,
  }
}

async function gitCheck(platform: Platform, signal: AbortSignal): Promise<Check> {
  const name = 'git'
  const { code, stdout, stderr, error } = await platform.processes.run('git', ['--version'], { signal })
  if (error || code !== 0) {
    return failed(name, {
      code: 'git-missing',
      title: 'git cannot be run',
      cause: error?.code === 'ENOENT' ? 'It was not found on the PATH.' : (error?.message ?? stderr.trim()),
      remedy:
        'Install git (https://git-scm.com/downloads). Without it workspaces can be made from folders and images only.',
    })
  }
  const found = /(\d+)\.(\d+)(?:\.\d+)*/.exec(stdout)
  const version = found?.[0] ?? stdout.trim()
  const [major, minor] = [Number(found?.[1]), Number(found?.[2])]
  if (found && (major < OLDEST_GIT[0] || (major === OLDEST_GIT[0] && minor < OLDEST_GIT[1]))) {
    return {
      name,
      state: 'warning',
      message: `${version} is older than ${OLDEST_GIT.join('.')}: cloning may download more than it needs`,
    }
  }
  return { name, state: 'ok', message: version }
}

async function sshCheck(platform: Platform, signal: AbortSignal): Promise<Check> {
  const name = 'ssh'
  // ssh prints its version on stderr.
  const { code, stdout, stderr, error } = await platform.processes.run('ssh', ['-V'], { signal })
  if (!error && code === 0)
    return { name, state: 'ok', message: (stderr || stdout).trim().split('\n')[0] ?? '' }
  return {
    name,
    state: 'warning',
    message: 'Not found. It is needed for git over ssh and for Docker contexts over ssh only',
    problem: {
      code: 'ssh-failed',
      title: 'ssh cannot be run',
      cause: error?.code === 'ENOENT' ? 'It was not found on the PATH.' : (error?.message ?? stderr.trim()),
      remedy: 'Install the OpenSSH client.',
    },
  }
}

async function temporaryCheck(platform: Platform): Promise<Check> {
  const name = 'Temporary folder'
  const folder = platform.folders.temporary
  try {
    const { bavail, bsize } = await statfs(folder)
    const free = bavail * bsize
    const message = `${folder}, ${(free / 1e9).toFixed(1)} GB free`
    if (free >= LOW_SPACE) return { name, state: 'ok', message }
    return {
      name,
      state: 'warning',
      message,
      problem: {
        code: 'disk-full',
        title: 'There is little space for temporary files',
        cause: message,
        remedy:
          'Repositories are cloned there before they are copied into a workspace. Make space, or set TMPDIR to a roomier folder.',
      },
    }
  } catch (error) {
    return failed(name, {
      code: 'permission-denied',
      title: 'The temporary folder cannot be used',
      cause: `${folder}: ${error instanceof Error ? error.message : String(error)}`,
      remedy: 'Make it, or set TMPDIR to a folder that can be written.',
    })
  }
}

async function routerCheck(platform: Platform, own: number | undefined): Promise<Check> {
  const name = 'URL router'
  const wanted = platform.settings.get().routerPort
  if (own !== undefined) return { name, state: 'ok', message: `Port ${own}, served by this process` }
  if (wanted === 0) return { name, state: 'ok', message: 'The system chooses a free port' }
  const taken = await listenOn(createServer, wanted).then(
    async ({ servers }) => {
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
      return undefined
    },
    (error: NodeJS.ErrnoException) => error,
  )
  if (!taken) return { name, state: 'ok', message: `Port ${wanted} is free` }
  return {
    name,
    state: 'warning',
    message:
      taken.code === 'EADDRINUSE'
        ? `Port ${wanted} is in use, by another Berth process or by something else. URLs then have another port`
        : `Port ${wanted} cannot be used: ${taken.message}`,
  }
}

async function targetChecks(
  platform: Platform,
  targets: ReadonlyCollection<Target>,
  signal: AbortSignal,
): Promise<Check[]> {
  await answered(platform, targets, signal)
  const list = targets.list()
  if (list.length === 0) {
    return [
      failed('Targets', {
        code: 'target-misconfigured',
        title: 'No target is configured',
        cause: 'No Docker and no Kubernetes context was found.',
        remedy:
          'Install Docker (https://docs.docker.com/get-docker/), add a context with `docker context create`, or get a kubeconfig for a cluster.',
      }),
    ]
  }
  const usable = list.some(({ state }) => state === 'ready')
  return list.map((target): Check => {
    const name = `${target.kind === 'docker' ? 'Docker' : 'Kubernetes'} ${target.name}`
    if (target.state === 'ready') {
      const facts = [
        target.version,
        target.apiVersion && `API ${target.apiVersion}`,
        target.platform,
        target.latency !== undefined && `${target.latency.toFixed(target.latency < 10 ? 1 : 0)} ms`,
      ].filter(Boolean)
      return { name, state: 'ok', message: `${target.endpoint} (${facts.join(', ')})` }
    }
    const reason: Problem = target.problem ?? {
      code: 'target-unreachable',
      title: 'It has not answered yet',
      cause: `No answer from ${target.endpoint} within ${TARGET_LIMIT / 1000} s.`,
      remedy: 'Check that the engine runs and can be reached from here.',
    }
    // One working target is enough to work; then the others are no failure of this machine.
    return {
      name,
      state: usable ? 'warning' : 'failed',
      message: `${target.endpoint}: ${reason.title}`,
      problem: reason,
    }
  })
}

/** Waits until no target is still connecting, but not longer than the limit. */
async function answered(
  platform: Platform,
  targets: ReadonlyCollection<Target>,
  signal: AbortSignal,
): Promise<void> {
  const waiting = () =>
    targets.list().length === 0 || targets.list().some(({ state }) => state === 'connecting')
  if (!waiting()) return
  const enough = new AbortController()
  const stop = targets.onChange(() => {
    if (!waiting()) enough.abort()
  })
  try {
    await platform.clock.sleep(TARGET_LIMIT, AbortSignal.any([signal, enough.signal]))
  } catch (error) {
    if (!enough.signal.aborted) throw error
  } finally {
    await stop()
  }
}

function failed(name: string, problem: Problem): Check {
  return { name, state: 'failed', message: problem.title, problem }
}
