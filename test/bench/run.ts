import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { ensureImages } from '../harness/images'
import type { Bench } from './bench'
import { type BenchResult, measure, number } from './measure'

/** Loaded only when asked for: some need a window. In the order in which they run. */
const benches: Readonly<Record<string, () => Promise<Bench>>> = {
  'exec-binary': async () => (await import('./benches/exec-binary')).execBinary,
  'exec-lines': async () => (await import('./benches/exec-lines')).execLines,
  'terminal-flood': async () => (await import('./benches/terminal-flood')).terminalFlood,
  keystroke: async () => (await import('./benches/keystroke')).keystroke,
  up: async () => (await import('./benches/up')).up,
  'port-seen': async () => (await import('./benches/port-seen')).portSeen,
  'forward-connect': async () => (await import('./benches/forward-connect')).forwardConnect,
  'forward-bulk': async () => (await import('./benches/forward-bulk')).forwardBulk,
  start: async () => (await import('./benches/start')).start,
  'idle-memory': async () => (await import('./benches/idle-memory')).idleMemory,
  'slow-reader': async () => (await import('./benches/slow-reader')).slowReader,
}

const usage = `npm run bench [-- names… --json FILE]

Measures Berth and a reference in one run, alternating, and prints ours, reference, ratio, target and pass.
Names: ${Object.keys(benches).join(', ')}. Without one: all of them.
Exit code 1 when a target is missed.`

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    args: process.argv.slice(2),
    options: { json: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    allowPositionals: true,
  })
  const unknown = positionals.filter((name) => !(name in benches))
  if (values.help || unknown.length > 0) {
    if (unknown.length > 0) console.error(`There is no bench ${unknown.join(', ')}.\n`)
    console.error(usage)
    return unknown.length > 0 ? 2 : 0
  }
  const chosen = positionals.length > 0 ? positionals : Object.keys(benches)
  await ensureImages()
  const say = (line: string) => console.error(line)
  const results: BenchResult[] = []
  const failures: { name: string; error: string }[] = []
  for (const name of chosen) {
    try {
      const bench = await benches[name]?.()
      if (!bench) continue
      say(`${name}: ${bench.title}`)
      results.push(await measure(bench, { say }))
    } catch (error) {
      failures.push({ name, error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
      say(`${name} broke: ${failures[failures.length - 1]?.error}`)
    }
    // Written after each one, so that a long run that is cut short has not been for nothing.
    if (values.json) await writeFile(values.json, `${JSON.stringify({ results, failures }, null, 2)}\n`)
  }
  console.log(report(results))
  for (const { name, error } of failures) console.log(`${name}: broke (${error.split('\n')[0]})`)
  return failures.length > 0 || results.some(({ pass }) => !pass) ? 1 : 0
}

/** The table, with the facts below it. */
function report(results: readonly BenchResult[]): string {
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
  return lines.join('\n')
}

// Not awaited at the top: benches are loaded while it runs, and they may share chunks with this very module.
void main().then((code) => {
  process.exitCode = code
})
