import { Anchor, Checkbox, TextInput } from '@mantine/core'
import { useEffect, useId, useState } from 'react'
import type { CreateInput, Problem, SecretRequest, Source } from '#contract'
import { openInBrowser } from '../../lib/actions'
import { request } from '../../lib/engine'
import styles from './asks.module.css'

/** What was typed for the secrets that a definition asks for. */
export interface SecretsDraft {
  readonly values: Readonly<Record<string, string>>
  /** Names of those that are kept for the project. */
  readonly remembered: readonly string[]
}

export const noSecrets: SecretsDraft = { values: {}, remembered: [] }

/**
 * Hands over what was typed: what is to be remembered goes to the keychain, the rest to the engine's memory. Gives what
 * names it in the creation, or the Problem that keeps it from being handed over.
 */
export async function giveSecrets(
  draft: SecretsDraft,
  asked: readonly SecretRequest[],
  source: Source,
): Promise<{ readonly input: Pick<CreateInput, 'givenVariables'> } | { readonly problem: Problem }> {
  const values: Record<string, string> = {}
  for (const { name } of asked) {
    const value = draft.values[name] ?? ''
    if (value === '') continue
    if (!draft.remembered.includes(name)) {
      values[name] = value
      continue
    }
    const scope = { kind: 'project', source } as const
    const kept = await request('variables.set', { scope, name, value, secret: true })
    if (!kept.ok) return { problem: kept.problem }
  }
  if (Object.keys(values).length === 0) return { input: {} }
  const given = await request('variables.give', { values })
  return given.ok ? { input: { givenVariables: given.value.id } } : { problem: given.problem }
}

interface SecretsSectionProps {
  readonly asked: readonly SecretRequest[]
  readonly source: Source
  readonly draft: SecretsDraft
  readonly onChange: (draft: SecretsDraft) => void
}

/** A field for each secret that the definition asks for. None has to be filled in. */
export function SecretsSection({ asked, source, draft, onChange }: SecretsSectionProps) {
  const known = useKnown(source)
  const field = useId()
  const set = (name: string, value: string) =>
    onChange({ ...draft, values: { ...draft.values, [name]: value } })
  const remember = (name: string, isKept: boolean) =>
    onChange({
      ...draft,
      remembered: isKept ? [...draft.remembered, name] : draft.remembered.filter((each) => each !== name),
    })
  return (
    <fieldset className={styles.section}>
      <legend className={styles.legend}>Secrets that the definition asks for</legend>
      {asked.map(({ name, description, documentationUrl }) => (
        <div key={name} className={styles.secret}>
          <div>
            <label className={styles.name} htmlFor={`${field}-${name}`}>
              {name}
            </label>
            {description || documentationUrl ? (
              <span className={styles.what} id={`${field}-about-${name}`}>
                {description}{' '}
                {documentationUrl ? (
                  <Anchor
                    component="button"
                    type="button"
                    size="xs"
                    aria-label={`What ${name} is`}
                    onClick={() => void openInBrowser(documentationUrl)}
                  >
                    Learn more
                  </Anchor>
                ) : null}
              </span>
            ) : null}
          </div>
          <TextInput
            id={`${field}-${name}`}
            type="password"
            aria-describedby={description ? `${field}-about-${name}` : undefined}
            placeholder={known.has(name) ? 'Known already; empty keeps it' : 'Empty: without it'}
            autoComplete="off"
            spellCheck={false}
            value={draft.values[name] ?? ''}
            onChange={(event) => set(name, event.currentTarget.value)}
          />
          <Checkbox
            label="Remember for this project"
            aria-label={`Remember ${name} for this project`}
            checked={draft.remembered.includes(name)}
            disabled={(draft.values[name] ?? '') === ''}
            onChange={(event) => remember(name, event.currentTarget.checked)}
          />
        </div>
      ))}
    </fieldset>
  )
}

/** Names that are set for the user or the project already. */
function useKnown(source: Source): ReadonlySet<string> {
  const [known, setKnown] = useState<ReadonlySet<string>>(new Set())
  const key = JSON.stringify(source)
  useEffect(() => {
    const controller = new AbortController()
    const scopes = [{ kind: 'user' }, { kind: 'project', source: JSON.parse(key) as Source }] as const
    void Promise.all(scopes.map((scope) => request('variables.list', { scope }, controller.signal))).then(
      (results) => {
        if (controller.signal.aborted) return
        setKnown(
          new Set(results.flatMap((result) => (result.ok ? result.value.map(({ name }) => name) : []))),
        )
      },
    )
    return () => controller.abort()
  }, [key])
  return known
}
