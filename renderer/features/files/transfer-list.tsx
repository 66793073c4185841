import { Button } from '@mantine/core'
import { IconDownload, IconPlayerPlay, IconUpload, IconX } from '@tabler/icons-react'
import type { Transfer } from '#contract'
import { request } from '../../lib/engine'
import { progressFraction } from '../../lib/format'
import { useCollection } from '../../lib/hooks'
import { notifyProblem } from '../../lib/notify'
import { IconButton } from '../../ui/icon-button'
import styles from './files.module.css'
import { shown, transferName, transferText } from './words'

const isOver = ({ state }: Transfer) => state !== 'running' && state !== 'waiting'

/** Uploads and downloads of a workspace, the newest first. */
export function TransferList({ workspaceId }: { readonly workspaceId: string }) {
  const transfers = useCollection('transfers')
    .filter((transfer) => transfer.workspaceId === workspaceId)
    .sort((one, other) => other.startedAt - one.startedAt)
  if (transfers.length === 0) return null
  const over = transfers.filter(isOver)
  return (
    <section className={styles.transfers} aria-label="Transfers">
      <header className={styles.transfersHead}>
        <h2>Transfers</h2>
        {over.length > 0 ? (
          <Button variant="subtle" size="compact-sm" onClick={() => over.map(({ id }) => ask('dismiss', id))}>
            Clear
          </Button>
        ) : null}
      </header>
      <ul>
        {transfers.map((transfer) => (
          <TransferRow key={transfer.id} transfer={transfer} />
        ))}
      </ul>
    </section>
  )
}

function ask(what: 'cancel' | 'resume' | 'dismiss', transferId: string): void {
  void request(`transfers.${what}`, { transferId }).then((result) => {
    if (!result.ok) notifyProblem(result.problem)
  })
}

function TransferRow({ transfer }: { readonly transfer: Transfer }) {
  const { id, bytes, direction, problem, skipped, state, to, total } = transfer
  const name = transferName(transfer)
  const fraction = progressFraction({ current: bytes, unit: 'bytes', ...(total !== undefined && { total }) })
  return (
    <li className={styles.transfer} data-state={state}>
      <span
        className={styles.direction}
        role="img"
        aria-label={direction === 'upload' ? 'Upload' : 'Download'}
      >
        {direction === 'upload' ? <IconUpload size={15} /> : <IconDownload size={15} />}
      </span>
      <div className={styles.transferWords}>
        <div className={styles.transferName} title={`${name} to ${shown(to)}`}>
          {name} <span className={styles.faint}>to {shown(to)}</span>
        </div>
        {isOver(transfer) ? null : (
          <div
            className={styles.track}
            role="progressbar"
            aria-label={`Progress of ${name}`}
            aria-valuemin={0}
            aria-valuemax={100}
            aria-valuenow={fraction === undefined ? undefined : Math.round(fraction * 100)}
          >
            <div
              data-unknown={fraction === undefined || undefined}
              style={{ width: `${(fraction ?? 0.3) * 100}%` }}
            />
          </div>
        )}
        <div
          className={styles.faint}
          role="status"
          title={skipped.map(({ path, reason }) => `${shown(path)}: ${reason}`).join('\n') || undefined}
        >
          {transferText(transfer)}
        </div>
        {problem ? (
          <div className={styles.failure} role="alert">
            {problem.title}. {problem.cause} {problem.remedy}
          </div>
        ) : null}
      </div>
      {state === 'failed' ? (
        <Button
          variant="default"
          size="compact-sm"
          leftSection={<IconPlayerPlay size={13} />}
          aria-label={`Go on with ${name}`}
          onClick={() => ask('resume', id)}
        >
          Go on
        </Button>
      ) : null}
      <IconButton
        label={isOver(transfer) ? `Forget ${name}` : `Cancel ${name}`}
        onClick={() => ask(isOver(transfer) ? 'dismiss' : 'cancel', id)}
      >
        <IconX size={15} />
      </IconButton>
    </li>
  )
}
