import { Button, TextInput } from '@mantine/core'
import { IconPlus, IconRefresh, IconTrash } from '@tabler/icons-react'
import { useEffect, useState } from 'react'
import {
  type Problem,
  repositoryKey,
  repositoryUrlFault,
  type Settings,
  type TemplateRepository,
  type TemplateSource,
} from '#contract'
import { request } from '../../lib/engine'
import { count, formatAgo } from '../../lib/format'
import { Section } from '../../ui/facts'
import { IconButton } from '../../ui/icon-button'
import styles from './settings.module.css'

interface TemplateRepositoriesProps {
  readonly templates: Settings['templates']
  readonly change: (templates: Settings['templates']) => void
}

/** Git repositories of templates, each with what was fetched of it. */
export function TemplateRepositories({ templates, change }: TemplateRepositoriesProps) {
  const { repositories } = templates
  const [text, setText] = useState('')
  const [fault, setFault] = useState<string | undefined>()
  const sources = useSources(repositories)
  const add = async () => {
    const read = await readRepository(text.trim())
    const found = typeof read === 'string' ? read : alreadyThere(read, repositories)
    setFault(found)
    if (found !== undefined || typeof read === 'string') return
    change({ ...templates, repositories: [...repositories, read] })
    setText('')
    await sources.refresh(read)
  }
  const remove = (gone: TemplateRepository) =>
    change({
      ...templates,
      repositories: repositories.filter((one) => repositoryKey(one) !== repositoryKey(gone)),
    })
  return (
    <Section title="Templates">
      <div className={styles.explained}>
        <div className={styles.text}>
          New repositories can also begin with the dev container templates of these git repositories.
        </div>
      </div>
      {repositories.map((repository) => {
        const key = repositoryKey(repository)
        const busy = sources.busy.includes(key)
        return (
          <div className={styles.repository} key={key}>
            <div className={styles.words}>
              <div className={styles.aliasName}>{key}</div>
              <Told source={sources.known.get(key)} busy={busy} />
            </div>
            <IconButton
              label={`Fetch ${key} again`}
              busy={busy}
              onClick={() => void sources.refresh(repository)}
            >
              <IconRefresh size={15} />
            </IconButton>
            <IconButton label={`Remove ${key}`} onClick={() => remove(repository)}>
              <IconTrash size={15} />
            </IconButton>
          </div>
        )
      })}
      <div className={styles.repository}>
        <TextInput
          className={styles.words}
          aria-label="Git URL of a repository of templates"
          placeholder="https://github.com/devcontainers/templates"
          spellCheck={false}
          value={text}
          error={fault !== undefined}
          onChange={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && text.trim() !== '') void add()
          }}
        />
        <Button
          variant="default"
          leftSection={<IconPlus size={14} />}
          disabled={text.trim() === ''}
          onClick={() => void add()}
        >
          Add
        </Button>
      </div>
      {fault === undefined ? null : (
        <div className={styles.fault} role="alert">
          {fault}
        </div>
      )}
    </Section>
  )
}

/** What was typed as a repository, or what is wrong with it. */
async function readRepository(text: string): Promise<TemplateRepository | string> {
  const parsed = await request('sources.parse', { text })
  if (!parsed.ok) return `${parsed.problem.cause} ${parsed.problem.remedy}`
  const { source } = parsed.value
  if (source.kind !== 'git' || source.ref?.kind === 'commit')
    return 'Give the URL of a git repository, with #branch if you like.'
  return (
    repositoryUrlFault(source.url) ?? { url: source.url, ...(source.ref ? { branch: source.ref.name } : {}) }
  )
}

function alreadyThere(
  repository: TemplateRepository,
  repositories: readonly TemplateRepository[],
): string | undefined {
  const key = repositoryKey(repository)
  return repositories.some((one) => repositoryKey(one) === key) ? 'It is in the list already.' : undefined
}

interface ToldProps {
  readonly source: TemplateSource | undefined
  readonly busy: boolean
}

/** How many templates there are, of which commit, and what is wrong. */
function Told({ source, busy }: ToldProps) {
  const problem: Problem | undefined = source?.problem ?? source?.faulty[0]?.problem
  return (
    <div className={styles.text} role="status">
      {busy
        ? 'Fetching…'
        : source?.commit === undefined
          ? 'Not fetched yet'
          : `${count(source.templates.length, 'template')}, commit ${source.commit.slice(0, 8)}, fetched ${formatAgo(source.fetchedAt ?? 0, Date.now())}`}
      {problem && !busy ? (
        <div className={styles.repositoryFault}>
          {problem.title}. {problem.cause}
        </div>
      ) : null}
    </div>
  )
}

function useSources(repositories: readonly TemplateRepository[]) {
  const [known, setKnown] = useState<ReadonlyMap<string, TemplateSource>>(new Map())
  const [busy, setBusy] = useState<readonly string[]>([])
  // biome-ignore lint/correctness/useExhaustiveDependencies: another list is asked for anew
  useEffect(() => {
    const controller = new AbortController()
    void request('templates.list', {}, controller.signal).then((result) => {
      if (result.ok && !controller.signal.aborted)
        setKnown((now) => new Map([...now, ...result.value.sources.map((one) => [one.key, one] as const)]))
    })
    return () => controller.abort()
  }, [repositories.map(repositoryKey).join(' ')])
  const refresh = async (repository: TemplateRepository) => {
    const key = repositoryKey(repository)
    setBusy((now) => [...now, key])
    const result = await request('templates.refresh', { repository })
    setBusy((now) => now.filter((one) => one !== key))
    if (result.ok) setKnown((now) => new Map([...now, [key, result.value] as const]))
  }
  return { known, busy, refresh }
}
