import { readFile } from 'node:fs/promises'
import { type PolicyRecord, type PolicyRepository, policyRepositoryId, problem } from '#contract'
import type { Engine } from '../../main/engine/engine'
import { commandName } from '../command-name'
import type { PoliciesDocument, PolicyCheckDocument } from '../documents'
import type { CommandContext } from '../execute'
import { exitCodes, UsageError } from '../exit-codes'
import { problemText } from '../problem-text'
import { printable, table } from '../text'

export interface PlaceOptions {
  readonly path?: string
  readonly branch?: string
}

/** Longest file that `check` reads, bytes; a policy is no longer than a quarter of it. */
const LONGEST_FILE = 1024 * 1024

/** `berth policy list`: what the team says, where from, and how current that is. */
export async function listPolicies(context: CommandContext): Promise<undefined> {
  const engine = await context.engine()
  await engine.settled
  await engine.call('policies.refresh', {}, context.signal)
  tell(context, engine.collections.policies.list())
}

/** `berth policy refresh`. The exit code is 1 where one cannot be read. */
export async function refreshPolicies(context: CommandContext): Promise<number | undefined> {
  const engine = await context.engine()
  await engine.settled
  await engine.call('policies.refresh', {}, context.signal)
  const records = engine.collections.policies.list()
  tell(context, records)
  return records.some(({ state }) => state === 'failed') ? exitCodes.problem : undefined
}

function tell(context: CommandContext, records: readonly PolicyRecord[]): void {
  if (context.json) {
    const list = records.map(({ id, origin, state, commit, readAt, policy, problem: failure }) => ({
      id,
      origin,
      state,
      name: policy?.metadata.name ?? null,
      commit: commit ?? null,
      readAt: readAt === undefined ? null : new Date(readAt).toISOString(),
      message: policy?.spec.message ?? null,
      templates: policy?.spec.templates ?? [],
      problem: failure ?? null,
    }))
    context.document({ policies: list } satisfies PoliciesDocument)
    return
  }
  if (records.length === 0) {
    context.say(`There are no team policies. Add one with \`${commandName()} policy add <git URL>\`.`)
    return
  }
  context.print(
    table(
      ['NAME', 'FROM', 'STATE', 'COMMIT', 'READ'],
      records.map((record) => [
        record.policy?.metadata.name ?? '',
        printable(placeText(record)),
        stateTexts[record.state],
        record.commit?.slice(0, 12) ?? '',
        record.readAt === undefined ? '' : new Date(record.readAt).toISOString(),
      ]),
    ),
  )
  for (const { problem: failure } of records)
    if (failure) context.say(`\n${problemText(failure, context.console.stderrIsCapable)}`)
}

const stateTexts: Readonly<Record<PolicyRecord['state'], string>> = {
  reading: 'being read',
  current: 'current',
  old: 'an earlier copy',
  failed: 'cannot be read',
  unseen: 'may not be looked for',
}

function placeText({ origin }: PolicyRecord): string {
  if (origin.kind === 'cluster') return origin.targetId
  const { url, branch, path } = origin.repository
  return `${url}${branch === undefined ? '' : `#${branch}`}${path === undefined ? '' : ` ${path}`}`
}

/** `berth policy add`. One that cannot be read is not added. */
export async function addPolicy(
  context: CommandContext,
  text: string,
  { path, branch }: PlaceOptions,
): Promise<undefined> {
  const engine = await context.engine()
  const typed = { text, ...(branch === undefined ? {} : { branch }) }
  const { source } = await engine.call('sources.parse', typed, context.signal)
  if (source.kind !== 'git') throw new UsageError('A team policy comes from a git repository: give its URL.')
  const named = source.ref?.kind === 'branch' ? source.ref.name : undefined
  const repository: PolicyRepository = {
    url: source.url,
    ...(path === undefined ? {} : { path }),
    ...(named === undefined ? {} : { branch: named }),
  }
  const id = policyRepositoryId(repository)
  const before = repositoriesOf(engine)
  if (before.some((one) => policyRepositoryId(one) === id)) throw known(source.url)
  await engine.call('settings.change', { policy: { repositories: [...before, repository] } }, context.signal)
  await engine.call('policies.refresh', { id }, context.signal)
  const record = engine.collections.policies.get(id)
  if (record?.problem && record.state === 'failed') {
    await engine.call('settings.change', { policy: { repositories: [...before] } }, context.signal)
    throw problem({ ...record.problem, actions: [] })
  }
  tell(context, record ? [record] : [])
}

/** `berth policy remove`: by its URL, or its name. */
export async function removePolicy(
  context: CommandContext,
  text: string,
  { path }: Pick<PlaceOptions, 'path'>,
): Promise<undefined> {
  const engine = await context.engine()
  const records = engine.collections.policies.list()
  const nameOf = (repository: PolicyRepository) =>
    records.find(({ id }) => id === policyRepositoryId(repository))?.policy?.metadata.name
  const all = repositoriesOf(engine)
  const isMeant = (one: PolicyRepository) =>
    (one.url === text || nameOf(one) === text) && (path === undefined || (one.path ?? 'berth.yaml') === path)
  const meant = all.filter(isMeant)
  if (meant.length === 0) throw unknown(text)
  if (meant.length > 1) throw new UsageError(`${text} means several policies: say which one with --path.`)
  const rest = all.filter((one) => !isMeant(one))
  await engine.call('settings.change', { policy: { repositories: rest } }, context.signal)
  if (context.json) tell(context, engine.collections.policies.list())
  else context.say(`${text} has no say any more.`)
}

/** `berth policy check`: whether a file is a policy; for whoever keeps one, and for CI. */
export async function checkPolicy(context: CommandContext, file: string): Promise<number | undefined> {
  const engine = await context.engine()
  const text = await readText(file)
  const found = await engine.call('policies.check', { text, path: file }, context.signal)
  if (context.json) {
    const valid = found.problems.length === 0
    context.document({ valid, problems: found.problems } satisfies PolicyCheckDocument)
  } else if (found.policy) context.print(`${file} is the policy ${found.policy.metadata.name}.`)
  else
    for (const failure of found.problems) context.say(problemText(failure, context.console.stderrIsCapable))
  return found.problems.length === 0 ? undefined : exitCodes.problem
}

async function readText(file: string): Promise<string> {
  try {
    const bytes = await readFile(file)
    if (bytes.length > LONGEST_FILE) throw new UsageError(`${file} is too large for a policy.`)
    return bytes.toString('utf8')
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw problem({
      code: 'file-not-found',
      title: `${file} cannot be read`,
      cause: error instanceof Error ? error.message : String(error),
      remedy: 'Check its path.',
    })
  }
}

function repositoriesOf(engine: Engine): readonly PolicyRepository[] {
  return engine.collections.settings.get('settings')?.value.policy.repositories ?? []
}

function known(url: string) {
  return problem({
    code: 'name-taken',
    title: 'This policy is there already',
    cause: `${url} is among the team policies of the settings.`,
    remedy: 'There is nothing to do.',
  })
}

function unknown(text: string) {
  return problem({
    code: 'not-found',
    title: `There is no team policy ${text}`,
    cause: 'None of the settings comes from such a URL. Those of namespaces are in their ConfigMaps.',
    remedy: `See \`${commandName()} policy list\`.`,
  })
}
