import type { BuildAsks, BuildGrants, BuildSecret, Definition, Problem } from '#contract'
import { request } from './engine'

/** Where a secret of a build comes from. */
export type SecretOrigin = 'none' | 'value' | 'variable' | 'file'

/** What was chosen for the builds of a workspace. What was typed as a value is never stored. */
export interface GrantsDraft {
  readonly secrets: Readonly<Record<string, { readonly origin: SecretOrigin; readonly text: string }>>
  /** Secrets that nothing asks for by name, and the user gives all the same. */
  readonly added: readonly string[]
  readonly ssh: boolean
  readonly hostNetwork: boolean
}

export const noGrants: GrantsDraft = { secrets: {}, added: [], ssh: false, hostNetwork: false }

export const noAsks: BuildAsks = { secrets: [], ssh: false, hostNetwork: false }

/** What a definition that is stored with a workspace says of its builds; its Dockerfiles may ask for more. */
export function asksOf({ build, services }: Pick<Definition, 'build' | 'services'>): BuildAsks | undefined {
  const builds = [build, ...services.map((service) => service.build)].filter((one) => one !== undefined)
  if (builds.length === 0) return undefined
  const secrets = builds.flatMap((one) => one.secrets ?? []).filter(({ file }) => file === undefined)
  return {
    secrets: [...new Map(secrets.map((secret) => [secret.id, secret])).values()],
    ssh: builds.some((one) => (one.ssh ?? []).length > 0),
    hostNetwork: builds.some((one) => one.network === 'host'),
  }
}

/** The secrets that there are fields for: those asked for, and those added. */
export function listedSecrets(asks: BuildAsks, { added }: GrantsDraft): readonly BuildSecret[] {
  const more = added.filter((id) => !asks.secrets.some((secret) => secret.id === id))
  return [...asks.secrets, ...more.map((id) => ({ id }))]
}

/** What is wrong with the name of a secret to be added; undefined: nothing. */
export function secretIdFault(id: string): string | undefined {
  return /^[\w.-]{1,128}$/.test(id) ? undefined : 'Use letters, digits, dots, hyphens and underscores.'
}

/** The ids of secrets that are to be given, and have nothing behind them yet. */
export function unfinishedSecrets(asks: BuildAsks, draft: GrantsDraft): readonly string[] {
  return listedSecrets(asks, draft).flatMap(({ id }) => {
    const { origin = 'none', text = '' } = draft.secrets[id] ?? {}
    return (origin === 'value' || origin === 'file') && text === '' ? [id] : []
  })
}

/** What is handed over as a value, and what is named by a place. */
export function splitGrants(
  asks: BuildAsks,
  draft: GrantsDraft,
): { readonly values: Readonly<Record<string, string>>; readonly grants: BuildGrants } {
  const values: Record<string, string> = {}
  const secrets: NonNullable<BuildGrants['secrets']> = []
  for (const { id } of listedSecrets(asks, draft)) {
    const { origin = 'none', text = '' } = draft.secrets[id] ?? {}
    if (origin === 'value' && text !== '') values[id] = text
    // Without a name: the variable that the definition says, else the one of the secret's name.
    if (origin === 'variable') secrets.push({ id, ...(text.trim() && { env: text.trim() }) })
    if (origin === 'file' && text.trim() !== '') secrets.push({ id, file: text.trim() })
  }
  return {
    values,
    grants: {
      ...(secrets.length > 0 && { secrets }),
      ...(draft.ssh && { ssh: true }),
      ...(draft.hostNetwork && { hostNetwork: true }),
    },
  }
}

/** Hands over what was typed, and gives what names it; nothing where nothing is allowed. */
export async function giveGrants(
  asks: BuildAsks,
  draft: GrantsDraft,
): Promise<{ readonly input: { buildGrants?: BuildGrants } } | { readonly problem: Problem }> {
  const { values, grants } = splitGrants(asks, draft)
  const ids = Object.keys(values)
  if (ids.length === 0) return { input: Object.keys(grants).length > 0 ? { buildGrants: grants } : {} }
  const handed = await request('builds.give', { values })
  if (!handed.ok) return { problem: handed.problem }
  const given = ids.map((id) => ({ id, given: handed.value.id }))
  return { input: { buildGrants: { ...grants, secrets: [...(grants.secrets ?? []), ...given] } } }
}

/** What was allowed before, as it can be changed. A value has to be typed again: nothing has kept it. */
export function grantsDraftOf(grants: BuildGrants | undefined): GrantsDraft {
  const secrets = (grants?.secrets ?? []).map(({ id, env, file, given }) => {
    const origin: SecretOrigin = given ? 'value' : file === undefined ? 'variable' : 'file'
    return [id, { origin, text: env ?? file ?? '' }] as const
  })
  return {
    secrets: Object.fromEntries(secrets),
    added: secrets.map(([id]) => id),
    ssh: grants?.ssh === true,
    hostNetwork: grants?.hostNetwork === true,
  }
}
