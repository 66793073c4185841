import { Button, TextInput } from '@mantine/core'
import { IconPlus, IconRefresh, IconTrash } from '@tabler/icons-react'
import { useEffect, useState } from 'react'
import type { PolicyRecord, PolicyRepository, PolicySettings } from '#contract'
import { policyRepositoryId } from '#contract/policy-places'
import { request } from '../../lib/engine'
import { useCollection } from '../../lib/hooks'
import { ProblemView } from '../../lib/problem-view'
import { Section } from '../../ui/facts'
import { IconButton } from '../../ui/icon-button'
import styles from './policies.module.css'
import shared from './settings.module.css'

interface PoliciesProps {
  readonly settings: PolicySettings
  readonly change: (settings: PolicySettings) => void
}

/** Where the team's policies come from, and how current they are. */
export function Policies({ settings, change }: PoliciesProps) {
  const records = useCollection('policies')
  const [url, setUrl] = useState('')
  const [path, setPath] = useState('')
  const [branch, setBranch] = useState('')
  const [busy, setBusy] = useState(false)
  const [fault, setFault] = useState<string | undefined>()
  // Those of namespaces are looked for when somebody looks at them.
  useEffect(() => void request('policies.refresh', {}), [])
  const add = async () => {
    setBusy(true)
    const typed = { text: url.trim(), ...(branch.trim() ? { branch: branch.trim() } : {}) }
    const parsed = await request('sources.parse', typed)
    setBusy(false)
    if (!parsed.ok) return setFault(`${parsed.problem.cause} ${parsed.problem.remedy}`)
    const { source } = parsed.value
    if (source.kind !== 'git') return setFault('Give the URL of a git repository.')
    const named = source.ref?.kind === 'branch' ? source.ref.name : undefined
    const repository: PolicyRepository = {
      url: source.url,
      ...(path.trim() ? { path: path.trim() } : {}),
      ...(named === undefined ? {} : { branch: named }),
    }
    const id = policyRepositoryId(repository)
    if (settings.repositories.some((one) => policyRepositoryId(one) === id))
      return setFault('It is there already.')
    setFault(undefined)
    change({ repositories: [...settings.repositories, repository] })
    setUrl('')
    setPath('')
    setBranch('')
  }
  const onKeyDown = (key: string) => {
    if (key === 'Enter' && url.trim() !== '') void add()
  }
  return (
    <Section title="Team policies">
      <div className={shared.explained}>
        <div className={shared.text}>
          A berth.yaml in a git repository, or in the ConfigMap berth-policy of a namespace, says which
          targets, images and amounts a team allows. While one cannot be read, nothing is made that it
          governs.
        </div>
      </div>
      {records.map((record) => (
        <Place
          key={record.id}
          record={record}
          onRemove={
            record.origin.kind === 'repository'
              ? () =>
                  change({
                    repositories: settings.repositories.filter(
                      (one) => policyRepositoryId(one) !== record.id,
                    ),
                  })
              : undefined
          }
        />
      ))}
      <div className={styles.add}>
        <TextInput
          aria-label="Git URL of a team policy"
          placeholder="https://git.example.com/platform/policies"
          spellCheck={false}
          value={url}
          error={fault !== undefined}
          onChange={(event) => setUrl(event.currentTarget.value)}
          onKeyDown={(event) => onKeyDown(event.key)}
        />
        <TextInput
          aria-label="Path in the repository"
          placeholder="berth.yaml"
          spellCheck={false}
          value={path}
          onChange={(event) => setPath(event.currentTarget.value)}
          onKeyDown={(event) => onKeyDown(event.key)}
        />
        <TextInput
          aria-label="Branch"
          placeholder="Default branch"
          spellCheck={false}
          value={branch}
          onChange={(event) => setBranch(event.currentTarget.value)}
          onKeyDown={(event) => onKeyDown(event.key)}
        />
        <Button
          variant="default"
          leftSection={<IconPlus size={14} />}
          loading={busy}
          disabled={url.trim() === ''}
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

interface PlaceProps {
  readonly record: PolicyRecord
  /** Absent: it is not of the settings. */
  readonly onRemove: (() => void) | undefined
}

function Place({ record, onRemove }: PlaceProps) {
  const [busy, setBusy] = useState(false)
  const place = placeText(record)
  const refresh = async () => {
    setBusy(true)
    await request('policies.refresh', { id: record.id })
    setBusy(false)
  }
  return (
    <div className={styles.place}>
      <div className={styles.words}>
        <div>{record.policy?.metadata.name ?? place}</div>
        <div className={styles.about}>
          {[record.policy ? place : undefined, stateText(record)].filter(Boolean).join(' · ')}
        </div>
      </div>
      <div className={styles.buttons}>
        <IconButton label={`Read ${place} again`} disabled={busy} onClick={() => void refresh()}>
          <IconRefresh size={15} />
        </IconButton>
        {onRemove ? (
          <IconButton label={`Remove ${place}`} onClick={onRemove}>
            <IconTrash size={15} />
          </IconButton>
        ) : null}
      </div>
      {record.problem ? (
        <div className={styles.problem}>
          <ProblemView
            problem={{ ...record.problem, actions: [] }}
            tone={record.state === 'failed' ? 'failure' : 'warning'}
          />
        </div>
      ) : null}
    </div>
  )
}

function placeText({ origin }: PolicyRecord): string {
  if (origin.kind === 'cluster')
    return `ConfigMap berth-policy of ${origin.targetId.replace(/^kubernetes:/, '')}`
  const { url, path, branch } = origin.repository
  return `${url}${branch === undefined ? '' : `#${branch}`}${path === undefined ? '' : `, ${path}`}`
}

function stateText({ state, commit, readAt }: PolicyRecord): string {
  const read = readAt === undefined ? '' : `, read ${new Date(readAt).toLocaleString()}`
  const at = commit === undefined ? '' : ` at commit ${commit.slice(0, 12)}`
  switch (state) {
    case 'reading':
      return 'Being read…'
    case 'current':
      return `Current${at}${read}`
    case 'old':
      return `An earlier copy holds${at}${read}`
    case 'failed':
      return `Cannot be read${at}: nothing is made that it governs`
    case 'unseen':
      return 'Your account may not look for one here (get configmaps)'
  }
}
