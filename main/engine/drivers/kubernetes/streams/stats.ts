import { ProblemError, problem } from '#contract'
import type { Clock } from '../../../platform/clock'
import { type ExecDependencies, runToEnd } from './exec'
import type { ContainerAddress } from './open-command'
import { podFailure } from './problems'

/** A sample older than this many milliseconds says nothing of the load now, and a younger one than this too little. */
const STALE = 60_000
const YOUNG = 50
/** Seconds between the two samples of a first question. */
const INTERVAL = '0.25'
/** Above this many bytes a limit is none: cgroup v1 writes a huge number. */
const NO_LIMIT = 2 ** 62

/**
 * Prints what the container's control groups say, version 2 or 1, wherever it sees them: no metrics server and no
 * more permission than exec. It needs sh and nothing else. With an argument it samples twice.
 */
const script = `
show() {
  [ -r "$2" ] || return 1
  while read -r line; do printf '%s %s\\n' "$1" "$line"; done <"$2"
}
root=/sys/fs/cgroup
sample() {
  show time /proc/uptime
  show cpu2 $root/cpu.stat || show cpu1 $root/cpuacct/cpuacct.usage || show cpu1 $root/cpu,cpuacct/cpuacct.usage
  show used $root/memory.current || show used $root/memory/memory.usage_in_bytes
  show stat $root/memory.stat || show stat $root/memory/memory.stat
  show limit $root/memory.max || show limit $root/memory/memory.limit_in_bytes
  echo end
}
sample
[ -z "$1" ] || { sleep "$1" 2>/dev/null || sleep 1; sample; }
`

interface Sample {
  /** Milliseconds since the node's start. */
  readonly at: number
  /** Milliseconds of processor time since the container's. */
  readonly cpu: number
  readonly memory: number
  readonly memoryLimit?: number
}

/** Reads one sample of the script's output; undefined where the container sees no control groups. */
export function readSample(lines: readonly string[]): Sample | undefined {
  let at: number | undefined
  let cpu: number | undefined
  let used: number | undefined
  let cache = 0
  let limit = Number.POSITIVE_INFINITY
  for (const line of lines) {
    const [kind, first = '', second = ''] = line.split(' ')
    if (kind === 'time') at = Number(first) * 1_000
    else if (kind === 'cpu2' && first === 'usage_usec') cpu = Number(second) / 1_000
    else if (kind === 'cpu1') cpu = Number(first) / 1e6
    else if (kind === 'used') used = Number(first)
    else if (kind === 'limit' && first !== 'max') limit = Number(first)
    // Version 1 has both; the one that counts children comes later.
    else if (kind === 'stat' && (first === 'inactive_file' || first === 'total_inactive_file'))
      cache = Number(second)
  }
  if (at === undefined || cpu === undefined || used === undefined) return undefined
  return {
    at,
    cpu,
    memory: Math.max(0, used - cache),
    ...(limit < NO_LIMIT && { memoryLimit: limit }),
  }
}

/** Measures how busy containers are: processor use is what was used between two questions. */
export class PodStats {
  readonly #dependencies: ExecDependencies
  readonly #clock: Clock
  readonly #samples = new Map<string, { readonly sample: Sample; readonly taken: number }>()

  constructor(dependencies: ExecDependencies, clock: Clock) {
    this.#dependencies = dependencies
    this.#clock = clock
  }

  /** See {@link Driver.stats}. `cpu`: cores in use, 1 is one busy core. `memory`: bytes, without the page cache. */
  async read(
    place: ContainerAddress,
    signal: AbortSignal,
  ): Promise<{ cpu: number; memory: number; memoryLimit?: number }> {
    const title = 'The load could not be measured'
    const key = `${place.pod}/${place.container}`
    let earlier = this.#samples.get(key)
    const age = this.#clock.now() - (earlier?.taken ?? 0)
    if (age > STALE || age < YOUNG) earlier = undefined
    let samples = await this.#ask(place, earlier ? '' : INTERVAL, title, signal)
    // Less than before: another container, with a control group of its own.
    const [only] = samples
    if (earlier && only && (only.cpu < earlier.sample.cpu || only.at <= earlier.sample.at)) {
      samples = await this.#ask(place, INTERVAL, title, signal)
      earlier = undefined
    }
    const now = samples.at(-1)
    const before = earlier?.sample ?? samples[0]
    if (!now || !before) throw unsupported(title)
    this.#samples.set(key, { sample: now, taken: this.#clock.now() })
    return {
      cpu: Math.max(0, now.cpu - before.cpu) / Math.max(now.at - before.at, 1),
      memory: now.memory,
      ...(now.memoryLimit !== undefined && { memoryLimit: now.memoryLimit }),
    }
  }

  async #ask(
    place: ContainerAddress,
    interval: string,
    title: string,
    signal: AbortSignal,
  ): Promise<Sample[]> {
    const { client } = this.#dependencies
    let answer: Awaited<ReturnType<typeof runToEnd>>
    try {
      answer = await runToEnd(this.#dependencies, place, ['/bin/sh', '-c', script, 'berth', interval], signal)
    } catch (error) {
      throw podFailure(client, error, title, signal)
    }
    const { stdout, exit } = answer
    if (exit.problem) throw new ProblemError({ ...exit.problem, title })
    const samples = stdout
      .split('end\n')
      .map((part) => readSample(part.split('\n')))
      .filter((sample) => sample !== undefined)
    if (samples.length === 0) throw unsupported(title)
    return samples
  }
}

function unsupported(title: string): ProblemError {
  return problem({
    code: 'unsupported',
    title,
    cause: 'The container sees nothing of its control groups, or has no shell to look.',
    remedy: "Look at the cluster's own monitoring.",
  })
}
