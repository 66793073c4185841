import { Button } from '@mantine/core'
import { IconFolder, IconPlayerPlay, IconUpload } from '@tabler/icons-react'
import { type ReactNode, useEffect, useRef, useState } from 'react'
import { request } from '../../lib/engine'
import { useCollection, useRecord } from '../../lib/hooks'
import { askFor } from '../../lib/lifecycle'
import { notifyProblem } from '../../lib/notify'
import { EmptyState } from '../../ui/empty-state'
import { Browser } from './browser'
import { Dialogs, type Question, takenBy } from './dialogs'
import styles from './files.module.css'
import { TransferList } from './transfer-list'
import { useDrop } from './use-drop'
import { type Folder, useFolder } from './use-folder'
import { shown } from './words'

/** The files of one workspace: what is there, and the ways in and out. */
export function FilesView({ workspaceId }: { readonly workspaceId: string }) {
  const workspace = useRecord('workspaces', workspaceId)
  const running = workspace?.state === 'running'
  const folder = useFolder(workspaceId, running ? (workspace.incarnation ?? '') : undefined)
  const [question, setQuestion] = useState<Question>()
  const [previewed, setPreviewed] = useState<string>()
  const { listing, path } = folder
  useReloadAfterUploads(workspaceId, folder)

  const upload = async (paths: readonly string[], existing: 'replace' | 'keep-both') => {
    if (path === undefined) return
    const result = await request('transfers.upload', {
      workspaceId,
      paths: [...paths],
      folder: path,
      existing,
    })
    if (!result.ok) notifyProblem(result.problem)
  }
  const offer = (paths: readonly string[]) => {
    const names = takenBy(paths, listing?.entries ?? [])
    if (names.length > 0) setQuestion({ kind: 'replace', paths, names })
    else if (paths.length > 0) void upload(paths, 'keep-both')
  }
  const drop = useDrop(running && listing !== undefined && question === undefined, offer)
  const go = (to: string) => {
    setPreviewed(undefined)
    folder.go(to)
  }
  return (
    <div className={styles.view} {...drop.handlers}>
      {running ? (
        <Browser
          workspaceId={workspaceId}
          folder={{ ...folder, go }}
          previewed={previewed}
          onPreview={setPreviewed}
          onAsk={setQuestion}
          onUpload={offer}
        />
      ) : (
        <AtRest workspaceId={workspaceId} canStart={workspace?.state === 'stopped'} />
      )}
      <TransferList workspaceId={workspaceId} />
      {drop.over ? (
        <div className={styles.drop} aria-hidden>
          <IconUpload size={20} />
          Drop to upload to {shown(path ?? '')}
        </div>
      ) : null}
      {question && path !== undefined ? (
        <Dialogs
          workspaceId={workspaceId}
          folder={path}
          names={listing?.entries.map(({ name }) => name) ?? []}
          question={question}
          onClose={(changed) => {
            setQuestion(undefined)
            if (changed) {
              setPreviewed(undefined)
              folder.reload()
            }
          }}
          onUpload={(paths, existing) => void upload(paths, existing)}
        />
      ) : null}
    </div>
  )
}

/** What an upload brought is seen once it is there. */
function useReloadAfterUploads(workspaceId: string, { reload }: Folder): void {
  const done = useCollection('transfers').filter(
    (transfer) =>
      transfer.workspaceId === workspaceId &&
      transfer.direction === 'upload' &&
      transfer.endedAt !== undefined,
  ).length
  const seen = useRef(done)
  useEffect(() => {
    if (done > seen.current) reload()
    seen.current = done
  }, [done, reload])
}

function AtRest({
  workspaceId,
  canStart,
}: {
  readonly workspaceId: string
  readonly canStart: boolean
}): ReactNode {
  return (
    <div className={styles.rest}>
      <EmptyState
        icon={<IconFolder size={20} />}
        title="Files are seen while the workspace runs"
        actions={
          canStart ? (
            <Button leftSection={<IconPlayerPlay size={14} />} onClick={() => askFor('start', workspaceId)}>
              Start
            </Button>
          ) : null
        }
      >
        Its source and home folder are kept meanwhile.
      </EmptyState>
    </div>
  )
}
