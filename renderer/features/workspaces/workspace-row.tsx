import {
  IconBrandGit,
  IconDots,
  IconFolder,
  IconPackage,
  IconPlayerPlay,
  IconPlayerStop,
  IconX,
} from '@tabler/icons-react'
import { memo } from 'react'
import type { Operation, Port, Workspace } from '#contract'
import { openInBrowser } from '../../lib/actions'
import { formatAgo, formatSource, reasonText, stateLabel } from '../../lib/format'
import { askFor, cancelOperation, possibleVerbs } from '../../lib/lifecycle'
import { openWorkspace } from '../../lib/navigation'
import { workspaceTone } from '../../lib/tone'
import { WorkspaceMenuItems } from '../../lib/workspace-menu'
import { IconButton } from '../../ui/icon-button'
import { LateMenu } from '../../ui/late-menu'
import { StateDot } from '../../ui/state-dot'
import styles from './workspaces.module.css'

const sourceIcons = { git: IconBrandGit, folder: IconFolder, image: IconPackage }
/** More ports than this are told as a number. */
const SHOWN_PORTS = 2

interface WorkspaceRowProps {
  /** Its place among all that are in the list, drawn or not. */
  readonly index: number
  readonly total: number
  readonly workspace: Workspace
  readonly targetName: string
  /** Whether its target does not answer. */
  readonly unreachable: boolean
  readonly operation: Operation | undefined
  /** The live ones. */
  readonly ports: readonly Port[]
  readonly now: number
}

/** One workspace in the list: what it is, how it is and why, and what is done most. */
export const WorkspaceRow = memo(function WorkspaceRow({
  index,
  total,
  workspace,
  targetName,
  unreachable,
  operation,
  ports,
  now,
}: WorkspaceRowProps) {
  const verbs = possibleVerbs(workspace, operation !== undefined)
  const SourceIcon = sourceIcons[workspace.source.kind]
  const step = operation?.steps.find((one) => one.state === 'running')
  const reason = step ? step.title : reasonText(workspace, now)
  const addressed = ports.flatMap((port) => (port.forward?.url ? [{ port, url: port.forward.url }] : []))
  return (
    <li className={styles.item} data-index={index} aria-posinset={index + 1} aria-setsize={total}>
      <div className={styles.row}>
        <button type="button" data-row className={styles.open} onClick={() => openWorkspace(workspace.id)}>
          <span className={styles.dot}>
            <StateDot tone={workspaceTone(workspace.state, unreachable)} />
          </span>
          <span className={styles.what}>
            <span className={styles.name} title={workspace.name}>
              {workspace.name}
            </span>
            <span className={styles.source} title={formatSource(workspace.source)}>
              <SourceIcon size={13} aria-label={workspace.source.kind} />
              <span className={styles.cut}>{formatSource(workspace.source)}</span>
            </span>
          </span>
          <span className={styles.state} data-state={unreachable ? undefined : workspace.state}>
            <span className={styles.stateName}>{stateLabel(workspace.state)}</span>
            {reason ? (
              <span className={styles.cut} title={reason}>
                {reason}
              </span>
            ) : null}
          </span>
          <span className={styles.target} title={`Target ${targetName}`}>
            {targetName}
          </span>
          <span className={styles.age}>{formatAgo(workspace.createdAt, now)}</span>
        </button>
        <div className={styles.ports}>
          {addressed.slice(0, SHOWN_PORTS).map(({ port, url }) => (
            <button
              key={port.id}
              type="button"
              className={styles.port}
              title={`Open ${url}`}
              onClick={() => void openInBrowser(url)}
            >
              {port.label ?? port.port}
            </button>
          ))}
          {addressed.length > SHOWN_PORTS ? (
            <button
              type="button"
              className={styles.port}
              data-more
              aria-label={`+${addressed.length - SHOWN_PORTS} more ports of ${workspace.name}`}
              title="All ports"
              onClick={() => openWorkspace(workspace.id, 'ports')}
            >
              +{addressed.length - SHOWN_PORTS}
            </button>
          ) : null}
        </div>
        <div className={styles.actions}>
          {operation ? (
            <IconButton
              label={operation.cancelling ? 'Cancelling' : `Cancel ${operation.kind}`}
              disabled={operation.cancelling}
              onClick={() => void cancelOperation(operation.id)}
            >
              <IconX size={15} />
            </IconButton>
          ) : workspace.state === 'running' ? (
            <IconButton
              label={`Stop ${workspace.name}`}
              disabled={!verbs.has('stop')}
              onClick={() => askFor('stop', workspace.id)}
            >
              <IconPlayerStop size={15} />
            </IconButton>
          ) : (
            <IconButton
              label={`Start ${workspace.name}`}
              disabled={!verbs.has('start')}
              onClick={() => askFor('start', workspace.id)}
            >
              <IconPlayerPlay size={15} />
            </IconButton>
          )}
          <LateMenu label={`Actions for ${workspace.name}`} icon={<IconDots size={15} />}>
            {() => <WorkspaceMenuItems workspace={workspace} verbs={verbs} />}
          </LateMenu>
        </div>
      </div>
    </li>
  )
})
