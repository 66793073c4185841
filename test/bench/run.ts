import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { ensureImages } from '../harness/images'
import { type Bench, CannotRun } from './bench'
import { chooseCluster, endBenchCluster } from './kubernetes/cluster'
import { type BenchResult, measure, number, targetText } from './measure'

/** Loaded only when asked for: some need a window, those with `k8s-` a cluster. In the order in which they run. */
const benches: Readonly<Record<string, () => Promise<readonly Bench[]>>> = {
  'exec-binary': async () => [(await import('./benches/exec-binary')).execBinary],
  'exec-lines': async () => [(await import('./benches/exec-lines')).execLines],
  'exec-short': async () => [(await import('./benches/exec-short')).execShort],
  'exec-anew': async () => [(await import('./benches/exec-short')).execAnew],
  'exec-plain': async () => [(await import('./benches/exec-short')).execPlain],
  'terminal-flood': async () => [(await import('./benches/terminal-flood')).terminalFlood],
  keystroke: async () => [(await import('./benches/keystroke')).keystroke],
  up: async () => [(await import('./benches/up')).up],
  'port-seen': async () => [(await import('./benches/port-seen')).portSeen],
  'port-push': async () => [(await import('./benches/port-seen')).portPush],
  'forward-connect': async () => [(await import('./benches/forward-connect')).forwardConnect],
  'agent-cost': async () => [(await import('./benches/agent-cost')).agentCost],
  'link-connect': async () => [(await import('./benches/link-connect')).linkConnect],
  'forward-bulk': async () => [(await import('./benches/forward-bulk')).forwardBulk],
  'link-bulk': async () => [(await import('./benches/forward-bulk')).linkBulk],
  'link-parallel': async () => [(await import('./benches/link-parallel')).linkParallel],
  files: async () => [(await import('./benches/files')).files],
  reattach: async () => [(await import('./benches/reattach')).reattach],
  start: async () => [(await import('./benches/start')).start],
  'idle-memory': async () => [(await import('./benches/idle-memory')).idleMemory],
  'slow-reader': async () => [(await import('./benches/slow-reader')).slowReader],
  'k8s-calls': async () => [(await import('./benches/k8s-calls')).calls],
  'k8s-forward-bulk': async () => (await import('./benches/k8s-forward-bulk')).forwardBulk,
  'k8s-forward-connect': async () => [(await import('./benches/k8s-forward-connect')).forwardConnect],
  'k8s-link-connect': async () => [(await import('./benches/k8s-forward-connect')).linkConnect],
  'k8s-slow-reader': async () => [(await import('./benches/k8s-slow-reader')).slowReader],
  'k8s-rst': async () => [(await import('./benches/k8s-rst')).resets],
  'k8s-replaced': async () => [(await import('./benches/k8s-replaced')).replaced],
  'k8s-exec': async () => [(await import('./benches/k8s-exec')).exec],
  'k8s-up': async () => [(await import('./benches/k8s-up')).up],
  'k8s-watch': async () => (await import('./benches/k8s-watch')).watches,
  'k8s-files': async () => [(await import('./benches/files')).clusterFiles],
  'k8s-scale': async () => [(await import('./benches/k8s-scale')).scale],
}

/** Fewer measurements than these are no result. */
const LEAST_ROUNDS = 7

const usage = `npm run bench [-- names… --json FILE --rounds N --kubernetes=current]

Measures Berth and a reference in one run, alternating, and prints ours, reference, ratio, target and pass.
Names: ${Object.keys(benches).join(', ')}. Without one: all of them.
The rows k8s-… take the oldest Kubernetes that Berth serves, or a current one with --kubernetes=current.
With fewer than ${LEAST_ROUNDS} rounds it is a look and no result, and says so.
Exit code 1 when a target is missed, or a bench cannot run here.`

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    args: process.argv.slice(2),
    options: {
      json: { type: 'string' },
      rounds: { type: 'string' },
      kubernetes: { type: 'string', default: 'oldest' },
      help: { type: 'boolean', short: 'h' },
    },
    allowPositionals: true,
  })
  const unknown = positionals.filter((name) => !(name in benches))
  if (values.help || unknown.length > 0) {
    if (unknown.length > 0) console.error(`There is no bench ${unknown.join(', ')}.\n`)
    console.error(usage)
    return unknown.length > 0 ? 2 : 0
  }
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds)
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0)) {
    console.error(`--rounds ${values.rounds} is no number of rounds.\n\n${usage}`)
    return 2
  }
  const age = values.kubernetes
  if (age !== 'oldest' && age !== 'current') {
    console.error(`--kubernetes=${age} is neither oldest nor current.\n\n${usage}`)
    return 2
  }
  chooseCluster(age)
  const chosen = positionals.length > 0 ? positionals : Object.keys(benches)
  await ensureImages()
  const say = (line: string) => console.error(line)
  const results: BenchResult[] = []
  const notRun: NotRun[] = []
  const failures: { name: string; error: string }[] = []
  // Written after each one, so that a long run that is cut short has not been for nothing.
  const write = async () => {
    if (values.json)
      await writeFile(values.json, `${JSON.stringify({ results, notRun, failures }, null, 2)}\n`)
  }
  const fail = (name: string, error: unknown) => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    failures.push({ name, error: text })
    say(`${name} broke: ${text}`)
  }
  const run = async (bench: Bench) => {
    const { name } = bench
    say(`${name}: ${bench.title}`)
    try {
      results.push(await measure(rounds ? { ...bench, rounds } : bench, { say }))
    } catch (error) {
      if (!(error instanceof CannotRun)) return fail(name, error)
      notRun.push({ name, target: targetText(bench.target, bench.unit), reason: error.message })
      say(`${name} cannot run here: ${error.message}`)
    }
  }
  try {
    for (const name of chosen) {
      const loaded = await benches[name]?.().catch((error: unknown) => fail(name, error))
      for (const bench of loaded ?? []) {
        await run(bench)
        await write()
      }
    }
  } finally {
    await endBenchCluster()
  }
  console.log(report(results, notRun))
  if (rounds !== undefined && rounds < LEAST_ROUNDS) console.log(`A look in ${rounds} rounds, and no result.`)
  for (const { name, error } of failures) console.log(`${name}: broke (${error.split('\n')[0]})`)
  return failures.length > 0 || notRun.length > 0 || results.some(({ pass }) => !pass) ? 1 : 0
}

/** A bench that lacks what it needs on this machine. */
interface NotRun {
  readonly name: string
  readonly target: string
  readonly reason: string
}

/** The table, with the facts below it. */
function report(results: readonly BenchResult[], notRun: readonly NotRun[]): string {
  const header = ['name', 'ours', 'reference', 'ratio', '95 %', 'target', 'pass', 'load']
  const rows = results.map((result) => [
    result.name,
    `${number(result.ours)} ${result.unit}`,
    result.reference === null ? '–' : `${number(result.reference)} ${result.unit}`,
    result.ratio === null ? '–' : `${number(result.ratio)}x`,
    `${number(result.interval.low)}–${number(result.interval.high)}`,
    result.target,
    result.target === 'report' ? '–' : result.pass ? 'yes' : 'NO',
    `${number(result.load.before)}/${result.load.cores}`,
  ])
  for (const { name, target } of notRun) rows.push([name, '–', '–', '–', '–', target, 'NOT RUN', '–'])
  const all = [header, ...rows]
  const widths = header.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)))
  const lines = all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  for (const { name, facts } of results)
    for (const fact of facts) lines.push(`${name}: ${fact.what}: ${fact.value}${fact.pass ? '' : '  FAILED'}`)
  for (const { name, reason } of notRun) lines.push(`${name}: not run: ${reason}`)
  return lines.join('\n')
}

// Not awaited at the top: benches are loaded while it runs, and they may share chunks with this very module.
void main().then((code) => {
  process.exitCode = code
})
