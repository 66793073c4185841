import { existsSync, statSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { registriesBelow } from './elsewhere'
import { type Found, findDefinitions } from './find'
import { type kinds, type Score, scoreOf } from './score'
import type { Startable, Started } from './start'

const usage = `npm run corpus -- DIR [--json FILE] [--verbose] [--run [--aliases FILE]]

Reads every definition under a folder and says of each: parsed; planned, which is that each field is applied or named
with a reason, on Docker and on Kubernetes.
--json FILE   writes all of it, with what is not applied and why
--verbose     prints what is not applied
--run         also makes a workspace of each on this machine's Docker, and deletes it again: started, and lifecycle
              commands done. Every image is one of Debian with common tools, unless an alias says otherwise
--aliases FILE  image aliases as in Berth's settings, for --run
What a repository's definitions name and the corpus does not have is taken for granted where it has definitions of that
repository only; parents of devfiles are looked for in the corpus's registries (stacks/<id>), and stood in for otherwise.
Exit code 1 when something is neither.`

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    args: process.argv.slice(2),
    options: {
      json: { type: 'string' },
      run: { type: 'boolean' },
      aliases: { type: 'string' },
      verbose: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
    allowPositionals: true,
  })
  const [given] = positionals
  if (values.help || given === undefined || positionals.length > 1) {
    console.error(usage)
    return values.help ? 0 : 2
  }
  const top = resolve(given)
  if (!existsSync(top) || !statSync(top).isDirectory()) {
    console.error(`${given} is not a folder.`)
    return 2
  }
  const files: Row[] = []
  const found = findDefinitions(top)
  const registries = registriesBelow(top)
  for (const shown of new Set(found.map((one) => one.shown))) {
    const of = found.filter((one) => one.shown === shown)
    const row = await rowOf(of, registries)
    files.push(row)
    print(row, values.verbose === true)
  }
  const count = (is: (file: Row) => boolean) => files.filter(is).length
  const started = values.run ? await runAll(files, values.aliases) : []
  const summary = {
    files: files.length,
    parsed: count(({ parsed }) => parsed),
    planned: count(({ planned }) => planned),
    ...(values.run && runSummary(started)),
  }
  const share = (part: number) =>
    `${part} of ${files.length} (${files.length === 0 ? 0 : Math.floor((part / files.length) * 1000) / 10} %)`
  console.log(`\nparsed ${share(summary.parsed)}, planned ${share(summary.planned)}`)
  if (values.run) {
    const { tried, up, done } = runSummary(started)
    console.log(
      `started ${up} of ${tried}, lifecycle done ${done} of ${tried}, ${started.length - tried} skipped`,
    )
  }
  if (values.json !== undefined)
    await writeFile(
      values.json,
      `${JSON.stringify({ summary, files: files.map(({ startable: _, ...shown }) => shown), started }, null, 2)}\n`,
    )
  return summary.parsed === files.length && summary.planned === files.length && files.length > 0 ? 0 : 1
}

/** Starts what was read, and prints what becomes of it. */
async function runAll(files: readonly Row[], aliasFile: string | undefined): Promise<Started[]> {
  const { startAll } = await import('./start')
  const aliases =
    aliasFile === undefined ? {} : (JSON.parse(await readFile(aliasFile, 'utf8')) as Record<string, string>)
  const started: Started[] = []
  const all = files.flatMap(({ bad, startable }) => (bad || !startable ? [] : [startable]))
  await startAll(all, aliases, (one) => {
    started.push(one)
    console.log(`${one.state.padEnd(12)} ${one.file}${one.reason ? `\n             ${one.reason}` : ''}`)
  })
  return started
}

function runSummary(started: readonly Started[]) {
  const tried = started.filter(({ state }) => state !== 'skipped')
  return {
    tried: tried.length,
    up: tried.filter(({ state }) => state !== 'failed').length,
    done: tried.filter(({ state }) => state === 'done').length,
  }
}

interface Row {
  /** To be started; absent where it was not read. */
  readonly startable?: Startable
  readonly file: string
  /** A conformance set wants it refused. */
  readonly bad: boolean
  readonly parsed: boolean
  readonly planned: boolean
  readonly format?: Score['format']
  readonly problem?: Score['problem']
  readonly notApplied: Record<keyof typeof kinds, Score['notApplied']>
}

/** A file may hold several examples: a good one is read when all of them are, a bad one refused when one is. */
async function rowOf(of: readonly Found[], registries: readonly string[]): Promise<Row> {
  const examples: Record<keyof typeof kinds, Score>[] = []
  for (const one of of)
    examples.push({
      docker: await scoreOf(one, 'docker', registries),
      kubernetes: await scoreOf(one, 'kubernetes', registries),
    })
  const bad = of.some((one) => one.bad)
  const is = (what: 'parsed' | 'planned') => {
    const isSo = ({ docker, kubernetes }: Record<keyof typeof kinds, Score>) =>
      docker[what] && kubernetes[what]
    return bad ? examples.some(isSo) : examples.every(isSo)
  }
  const [first] = of
  const all = examples.map(({ docker }) => docker)
  const telling = all.find(({ problem }) => problem !== undefined) ?? all[0]
  return {
    file: first?.shown ?? '',
    bad,
    ...(first && all[0]?.definition && { startable: { found: first, definition: all[0].definition } }),
    parsed: is('parsed'),
    planned: is('planned'),
    ...(telling?.format && { format: telling.format }),
    ...(telling?.problem && { problem: telling.problem }),
    notApplied: {
      docker: examples.flatMap(({ docker }) => docker.notApplied),
      kubernetes: examples.flatMap(({ kubernetes }) => kubernetes.notApplied),
    },
  }
}

function print({ file, bad, parsed, planned, problem, notApplied }: Row, verbose: boolean): void {
  const state = !parsed ? 'NOT PARSED' : !planned ? 'NOT PLANNED' : bad ? 'refused' : 'ok'
  console.log(`${state.padEnd(12)} ${file}`)
  if (problem && (!bad || !parsed || verbose)) console.log(`             ${problem.title}: ${problem.cause}`)
  if (bad && !problem) console.log('             it has a mistake, and was read all the same')
  if (!verbose && planned) return
  for (const [kind, list] of Object.entries(notApplied))
    for (const { field, reason } of list) console.log(`             ${kind}: ${field}: ${reason}`)
}

process.exitCode = await main()
