import { existsSync, statSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { findDefinitions } from './find'
import { kinds, type Score, scoreOf } from './score'

const usage = `npm run corpus -- DIR [--json FILE] [--verbose]

Reads every definition under a folder and says of each: parsed; planned, which is that each field is applied or named
with a reason, on Docker and on Kubernetes.
--json FILE   writes all of it, with what is not applied and why
--verbose     prints what is not applied
Exit code 1 when something is neither.`

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    args: process.argv.slice(2),
    options: {
      json: { type: 'string' },
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
  const found = findDefinitions(top)
  const files: (Record<string, unknown> & { readonly parsed: boolean; readonly planned: boolean })[] = []
  for (const one of found) {
    const scores = {} as Record<keyof typeof kinds, Score>
    for (const kind of Object.keys(kinds) as (keyof typeof kinds)[]) scores[kind] = await scoreOf(one, kind)
    const all = Object.values(scores)
    const parsed = all.every((score) => score.parsed)
    const planned = all.every((score) => score.planned)
    const { definition: _, notApplied: __, ...shown } = scores.docker
    files.push({
      ...shown,
      parsed,
      planned,
      notApplied: { docker: scores.docker.notApplied, kubernetes: scores.kubernetes.notApplied },
    })
    print(scores.docker, parsed, planned, values.verbose === true)
  }
  const count = (is: (file: (typeof files)[number]) => boolean) => files.filter(is).length
  const summary = {
    files: files.length,
    parsed: count(({ parsed }) => parsed),
    planned: count(({ planned }) => planned),
  }
  const share = (part: number) =>
    `${part} of ${files.length} (${files.length === 0 ? 0 : Math.floor((part / files.length) * 1000) / 10} %)`
  console.log(`\nparsed ${share(summary.parsed)}, planned ${share(summary.planned)}`)
  if (values.json !== undefined)
    await writeFile(values.json, `${JSON.stringify({ summary, files }, null, 2)}\n`)
  return summary.parsed === files.length && summary.planned === files.length && files.length > 0 ? 0 : 1
}

function print(
  { file, bad, problem, notApplied }: Score,
  parsed: boolean,
  planned: boolean,
  verbose: boolean,
): void {
  const state = !parsed ? 'NOT PARSED' : !planned ? 'NOT PLANNED' : bad ? 'refused' : 'ok'
  console.log(`${state.padEnd(12)} ${file}`)
  if (problem && (!bad || !parsed || verbose)) console.log(`             ${problem.title}: ${problem.cause}`)
  if (bad && !problem) console.log('             it has a mistake, and was read all the same')
  if (verbose || !planned)
    for (const { field, reason } of notApplied) console.log(`             ${field}: ${reason}`)
}

process.exitCode = await main()
