import { createHash } from 'node:crypto'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { type PolicyRepository, policyRepositoryId, problem } from '#contract'
import { maximumYamlBytes } from '../../definitions/document/yaml'
import { makeFolder } from '../../platform/make-folder'
import type { Platform } from '../../platform/platform'
import { silentReport } from '../actions/context'
import { openRepository, plainGitEnvironment } from '../git'
import { checkSource } from '../source/parse'
import { withTemporaryFolder } from '../temporary'

/** What a repository's policy was when its place last told it. */
export const PolicyCopy = z.strictObject({
  /** Absent: the repository has no such file. */
  text: z.string().max(maximumYamlBytes).optional(),
  commit: z.string(),
  /** Milliseconds since the epoch. */
  readAt: z.number(),
})
export type PolicyCopy = z.infer<typeof PolicyCopy>

const fileOf = ({ folders }: Platform, repository: PolicyRepository) =>
  join(
    folders.cache,
    'policies',
    `${createHash('sha256').update(policyRepositoryId(repository)).digest('hex').slice(0, 32)}.json`,
  )

/** The last copy on this machine; undefined where there is none that can be read. */
export async function readCopy(
  platform: Platform,
  repository: PolicyRepository,
): Promise<PolicyCopy | undefined> {
  try {
    return PolicyCopy.safeParse(JSON.parse(await readFile(fileOf(platform, repository), 'utf8'))).data
  } catch {
    return undefined
  }
}

/** Keeps a copy. One that cannot be kept holds while this process lives. */
export async function keepCopy(
  platform: Platform,
  repository: PolicyRepository,
  copy: PolicyCopy,
): Promise<void> {
  const file = fileOf(platform, repository)
  const temporary = `${file}.${process.pid}.new`
  try {
    await makeFolder(join(platform.folders.cache, 'policies'), 0o700)
    await writeFile(temporary, JSON.stringify(copy), { mode: 0o600 })
    await rename(temporary, file)
  } catch (error) {
    platform.logger.warn('The copy of a team policy could not be kept', { file, error: String(error) })
    await rm(temporary, { force: true }).catch(() => undefined)
  }
}

/** Forgets the copy of a repository that is none of the settings any more. */
export async function forgetCopy(platform: Platform, repository: PolicyRepository): Promise<void> {
  await rm(fileOf(platform, repository), { force: true }).catch(() => undefined)
}

/** The policy's text as its repository has it now: one commit without its history, and of that the one file. */
export async function fetchCopy(
  platform: Platform,
  { url, path = 'berth.yaml', branch }: PolicyRepository,
  signal: AbortSignal,
): Promise<PolicyCopy> {
  const ref = branch === undefined ? {} : { ref: { kind: 'branch', name: branch } as const }
  const source = checkSource(
    { kind: 'git', url, ...ref },
    { home: platform.folders.home, cwd: process.cwd() },
  )
  if (source.kind !== 'git') throw noRepository(url)
  return withTemporaryFolder(platform, async (temporary) => {
    const folder = join(temporary, 'policy')
    const reader = await openRepository(platform, source, folder, silentReport, signal)
    const bytes = await reader.read(path, maximumYamlBytes)
    const head = await platform.processes.run('git', ['-C', folder, 'rev-parse', 'FETCH_HEAD'], {
      env: plainGitEnvironment(platform.env),
      signal,
    })
    return {
      // Bytes one to one: what is no UTF-8 is a mistake of the file, and told as one.
      ...(bytes && { text: Buffer.from(bytes).toString('latin1') }),
      commit: /^[0-9a-f]{40,64}/.exec(head.stdout)?.[0] ?? '',
      readAt: platform.clock.now(),
    }
  })
}

function noRepository(url: string) {
  return problem({
    code: 'policy-unreadable',
    title: 'A team policy comes from a git repository',
    cause: `${url.slice(0, 200)} is none.`,
    remedy: 'Give its URL.',
  })
}
