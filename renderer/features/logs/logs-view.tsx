import { Button, NativeSelect, TextInput } from '@mantine/core'
import { IconArrowDown, IconCopy, IconFileText, IconSearch, IconTextWrap } from '@tabler/icons-react'
import { useMemo, useState } from 'react'
import type { Service } from '#contract'
import { deniedProblem } from '#contract/denied'
import { copyText } from '../../lib/actions'
import { count } from '../../lib/format'
import { useRecord } from '../../lib/hooks'
import { ProblemView } from '../../lib/problem-view'
import { parseAnsi } from '../../ui/ansi'
import { EmptyState } from '../../ui/empty-state'
import { IconButton } from '../../ui/icon-button'
import { LogView } from '../../ui/log-view'
import styles from './logs.module.css'
import { type Logs, useLogs } from './use-logs'

/** What the workspace's main process prints, as it prints it. */
export function LogsView({ workspaceId }: { readonly workspaceId: string }) {
  const workspace = useRecord('workspaces', workspaceId)
  const [turn, setTurn] = useState(0)
  const services = workspace?.definition.services ?? none
  const [chosen, setChosen] = useState('')
  const service = services.some(({ name }) => name === chosen) ? chosen : undefined
  const logs = useLogs(workspaceId, workspace?.incarnation, turn, service)
  const [follow, setFollow] = useState(true)
  const [wrap, setWrap] = useState(true)
  const [search, setSearch] = useState('')
  const found = useMemo(() => countFound(logs, search), [logs, search])
  const empty = logs.blocks.length === 0
  const denied = deniedProblem(useRecord('targets', workspace?.targetId), 'logs')
  if (denied) {
    return (
      <div className={styles.denied}>
        <ProblemView problem={denied} tone="warning" />
      </div>
    )
  }
  return (
    <div className={styles.view}>
      <div className={styles.bar}>
        {services.length > 0 ? (
          <NativeSelect
            aria-label="Whose logs"
            size="xs"
            value={service ?? ''}
            onChange={(event) => setChosen(event.currentTarget.value)}
            data={[
              { value: '', label: 'Workspace' },
              ...services.map(({ name }) => ({ value: name, label: name })),
            ]}
          />
        ) : null}
        <TextInput
          className={styles.search}
          aria-label="Search in logs"
          placeholder="Mark lines with…"
          leftSection={<IconSearch size={14} />}
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === 'Escape') setSearch('')
          }}
        />
        <span className={styles.note} role="status">
          {search ? count(found, 'line') : null}
          {!search && logs.dropped > 0 ? `${logs.dropped} older lines are not shown` : null}
        </span>
        <IconButton label="Wrap lines" pressed={wrap} onClick={() => setWrap(!wrap)}>
          <IconTextWrap size={15} />
        </IconButton>
        <IconButton label="Copy all" disabled={empty} onClick={() => void copyText(plainText(logs), 'Logs')}>
          <IconCopy size={15} />
        </IconButton>
        <IconButton label="Follow the end" pressed={follow} onClick={() => setFollow(!follow)}>
          <IconArrowDown size={15} />
        </IconButton>
      </div>
      {empty ? (
        <EmptyState icon={<IconFileText size={20} />} title={emptyTitle(logs)}>
          {service === undefined
            ? 'Here is what the container’s main process prints: the image’s own command, or nothing while Berth keeps the container idle. Your programs print in their terminals.'
            : `Here is what the service ${service} prints.`}
        </EmptyState>
      ) : (
        <div className={styles.log}>
          <LogView
            label="Logs"
            blocks={logs.blocks}
            follow={follow}
            onFollow={setFollow}
            wrap={wrap}
            search={search}
          />
        </div>
      )}
      {logs.state === 'open' ? null : (
        <div className={styles.end} role="status">
          {logs.state === 'ended'
            ? (logs.message ?? 'The main process ended')
            : 'The connection to the logs broke'}
          <Button variant="subtle" size="compact-sm" onClick={() => setTurn(turn + 1)}>
            Read again
          </Button>
        </div>
      )}
    </div>
  )
}

const none: readonly Service[] = []

function emptyTitle({ state }: Logs): string {
  if (state === 'lost') return 'The logs could not be read'
  return state === 'ended' ? 'It printed nothing' : 'Nothing printed yet'
}

function plainLine(line: string): string {
  return parseAnsi(line)
    .map((run) => run.text)
    .join('')
}

function plainText({ blocks }: Logs): string {
  return blocks.flatMap((block) => block.lines.map(plainLine)).join('\n')
}

function countFound({ blocks }: Logs, search: string): number {
  const needle = search.trim().toLowerCase()
  if (needle === '') return 0
  let found = 0
  for (const block of blocks) {
    for (const line of block.lines) if (plainLine(line).toLowerCase().includes(needle)) found += 1
  }
  return found
}
