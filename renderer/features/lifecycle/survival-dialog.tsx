import { Button, Checkbox, Group } from '@mantine/core'
import { IconAlertTriangle, IconCheck, IconMinus } from '@tabler/icons-react'
import { useCallback, useEffect, useRef, useState } from 'react'
import type { Survival, Workspace } from '#contract'
import { withheldRights } from '#contract/rights'
import { useRequest } from '../../lib/hooks'
import { perform } from '../../lib/lifecycle'
import { ProblemView } from '../../lib/problem-view'
import { RightsConsent } from '../../lib/rights-consent'
import { Dialog } from '../../ui/dialog'
import { Mono } from '../../ui/facts'
import { BuildChoice, useBuildChoice } from './build-choice'
import styles from './lifecycle.module.css'
import { type AskedVerb, unsavedWork, verbWords, withSnapshots } from './words'

interface SurvivalDialogProps {
  readonly workspace: Workspace
  readonly verb: AskedVerb
  readonly onClose: () => void
}

/** Says what an action keeps and what it loses, unsaved git work included, before it is done. */
export function SurvivalDialog({ workspace, verb, onClose }: SurvivalDialogProps) {
  const survival = useRequest('workspaces.survival')
  const words = verbWords[verb]
  const decided = useRef(false)
  // As they were when the question was asked: nothing is allowed that was not read.
  const [withheld] = useState(() =>
    verb === 'rebuild' ? withheldRights(workspace.definition.container) : [],
  )
  const [isAllowed, setAllowed] = useState(false)
  const [keepsSnapshots, setKeepsSnapshots] = useState(false)
  const build = useBuildChoice(verb === 'rebuild' ? workspace : undefined)
  const act = async () => {
    if (decided.current || build.isUnfinished) return
    decided.current = true
    const given = await build.give()
    if (given === undefined) {
      decided.current = false
      return
    }
    onClose()
    void perform(verb, workspace.id, {
      allowRights: isAllowed ? withheld : undefined,
      keepSnapshots: keepsSnapshots,
      ...given,
    })
  }
  const ask = survival.run
  const load = useCallback(
    () => void ask({ workspaceId: workspace.id, action: verb }),
    [ask, workspace.id, verb],
  )
  useEffect(load, [load])
  return (
    <Dialog title={words.question(workspace.name)} onClose={onClose} size={520}>
      <p className={styles.effect}>{words.effect}</p>
      <div className={styles.lists} aria-busy={survival.busy}>
        {survival.value ? (
          <SurvivalLists
            survival={survival.value}
            verb={verb}
            running={workspace.state === 'running'}
            keepsSnapshots={keepsSnapshots}
          />
        ) : survival.problem ? (
          <ProblemView problem={survival.problem} onRetry={load} tone="warning" />
        ) : (
          <div className={styles.waiting} role="status">
            Looking at what would be lost…
          </div>
        )}
      </div>
      {survival.value?.lost.some(({ keepable }) => keepable) ? (
        <Checkbox
          mt={12}
          label="Keep the snapshots of its data"
          description="They stay on the target, and are listed under Storage."
          checked={keepsSnapshots}
          onChange={(event) => setKeepsSnapshots(event.currentTarget.checked)}
        />
      ) : null}
      <BuildChoice choice={build} />
      {withheld.length > 0 ? (
        <div className={styles.rights}>
          <RightsConsent
            title="Not allowed up to now"
            label="Allow this for the workspace"
            rights={withheld}
            isAllowed={isAllowed}
            onChange={setAllowed}
          />
        </div>
      ) : null}
      <Group justify="flex-end" gap={8} mt={16}>
        <Button variant="default" onClick={onClose} data-autofocus={words.destructive || undefined}>
          Cancel
        </Button>
        <Button
          color={words.destructive ? 'red' : undefined}
          onClick={() => void act()}
          disabled={build.isUnfinished}
          data-autofocus={!words.destructive || undefined}
        >
          {words.confirm}
        </Button>
      </Group>
    </Dialog>
  )
}

interface SurvivalListsProps {
  readonly survival: Survival
  readonly verb: AskedVerb
  readonly running: boolean
  readonly keepsSnapshots: boolean
}

function SurvivalLists({ survival, verb, running, keepsSnapshots }: SurvivalListsProps) {
  const { kept, lost } = withSnapshots(survival, keepsSnapshots)
  const unsaved = survival.unsaved.filter((repository) => unsavedWork(repository) !== '')
  return (
    <>
      {unsaved.length > 0 ? (
        <section className={styles.unsaved} data-lost={verb === 'delete' || undefined}>
          <h3 className={styles.heading}>
            <IconAlertTriangle size={14} aria-hidden />
            {verb === 'delete' ? 'Git work that exists nowhere else' : 'Git work only in this workspace'}
          </h3>
          <ul className={styles.list}>
            {unsaved.map((repository) => (
              <li key={repository.repository}>
                <Mono>{repository.repository}</Mono>: {unsavedWork(repository)}
              </li>
            ))}
          </ul>
        </section>
      ) : null}
      {survival.risk ? (
        <p className={styles.risk}>
          <IconAlertTriangle size={14} aria-hidden />
          <span>{survival.risk}</span>
        </p>
      ) : null}
      {verb === 'delete' && !survival.unsavedKnown ? (
        <p className={styles.unknown}>
          {running
            ? 'Its git work could not be looked at: there is no git in it, or it did not answer.'
            : 'Its git work can be looked at only while it runs. Start it to see what is unsaved.'}
        </p>
      ) : null}
      <Entries title="Lost" entries={lost} icon={<IconMinus size={13} aria-hidden />} tone="lost" />
      <Entries title="Kept" entries={kept} icon={<IconCheck size={13} aria-hidden />} tone="kept" />
    </>
  )
}

interface EntriesProps {
  readonly title: string
  readonly entries: Survival['kept']
  readonly icon: React.ReactNode
  readonly tone: 'kept' | 'lost'
}

function Entries({ title, entries, icon, tone }: EntriesProps) {
  if (entries.length === 0) return null
  return (
    <section>
      <h3 className={styles.heading}>{title}</h3>
      <ul className={styles.entries} data-tone={tone}>
        {entries.map((entry) => (
          <li key={`${entry.what} ${entry.path ?? ''}`} className={styles.entry}>
            {icon}
            <span>
              {entry.what} {entry.path ? <Mono>{entry.path}</Mono> : null}
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}
