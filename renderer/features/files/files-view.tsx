import { Button, Menu } from '@mantine/core'
import {
  IconArrowUp,
  IconDownload,
  IconEye,
  IconEyeOff,
  IconFiles,
  IconFolder,
  IconFolderPlus,
  IconPlayerPlay,
  IconRefresh,
  IconTrash,
  IconUpload,
} from '@tabler/icons-react'
import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react'
import type { FileRecord } from '#contract'
import { callShell } from '../../lib/bridge'
import { request } from '../../lib/engine'
import { useCollection, useRecord } from '../../lib/hooks'
import { askFor } from '../../lib/lifecycle'
import { notifyProblem } from '../../lib/notify'
import { ProblemView } from '../../lib/problem-view'
import { EmptyState } from '../../ui/empty-state'
import { IconButton } from '../../ui/icon-button'
import { Breadcrumbs } from './breadcrumbs'
import { Dialogs, type Question, takenBy } from './dialogs'
import { FileRows, type RowActions } from './file-rows'
import styles from './files.module.css'
import { PreviewPanel } from './preview-panel'
import { TransferList } from './transfer-list'
import { useDrop } from './use-drop'
import { type Folder, useFolder, useHidden } from './use-folder'
import { isFolder, join, parentOf, shown } from './words'

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

interface BrowserProps {
  readonly workspaceId: string
  readonly folder: Folder
  /** The name of what is shown beside the list. */
  readonly previewed: string | undefined
  readonly onPreview: (name: string | undefined) => void
  readonly onAsk: (question: Question) => void
  readonly onUpload: (paths: readonly string[]) => void
}

function Browser({ workspaceId, folder, previewed, onPreview, onAsk, onUpload }: BrowserProps) {
  const { busy, go, listing, path, problem, reload } = folder
  const [hidden, toggleHidden] = useHidden()
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const place = listing?.path
  // biome-ignore lint/correctness/useExhaustiveDependencies: what was chosen is of one folder
  useEffect(() => setChosen(new Set()), [place])
  const entries = useMemo(
    () => (listing?.entries ?? []).filter(({ name }) => hidden || !name.startsWith('.')),
    [listing, hidden],
  )
  const selected = entries.filter(({ name }) => chosen.has(name))
  const unseen = (listing?.entries.length ?? 0) - entries.length
  const download = async (which: readonly FileRecord[]) => {
    const picked = await callShell('shell.chooseFolder', { purpose: 'download' })
    if (!picked.ok) return notifyProblem(picked.problem)
    if (picked.value.path === null || place === undefined) return
    const paths = which.map(({ name }) => join(place, name))
    const result = await request('transfers.download', { workspaceId, paths, folder: picked.value.path })
    if (!result.ok) notifyProblem(result.problem)
  }
  const actions: RowActions = {
    open: (entry) => {
      if (place === undefined) return
      if (isFolder(entry)) go(join(place, entry.name))
      else onPreview(entry.name)
    },
    choose: (entry, isChosen) => {
      const next = new Set(chosen)
      if (isChosen) next.add(entry.name)
      else next.delete(entry.name)
      setChosen(next)
    },
    download: (entry) => void download([entry]),
    rename: (entry) => onAsk({ kind: 'rename', entry }),
    remove: (entry) => onAsk({ kind: 'delete', entries: [entry] }),
    up: () => place !== undefined && go(parentOf(place)),
  }
  return (
    <>
      <div className={styles.bar}>
        <IconButton
          label="Folder above"
          disabled={path === undefined || path === '/'}
          onClick={() => path !== undefined && go(parentOf(path))}
        >
          <IconArrowUp size={15} />
        </IconButton>
        {path === undefined ? <span className={styles.crumbs} /> : <Breadcrumbs path={path} onGo={go} />}
        <IconButton label={hidden ? 'Leave out hidden files' : 'Show hidden files'} onClick={toggleHidden}>
          {hidden ? <IconEye size={15} /> : <IconEyeOff size={15} />}
        </IconButton>
        <IconButton label="Read again" busy={busy} onClick={reload}>
          <IconRefresh size={15} />
        </IconButton>
        <IconButton label="New folder" disabled={!listing} onClick={() => onAsk({ kind: 'new-folder' })}>
          <IconFolderPlus size={15} />
        </IconButton>
        <UploadButton disabled={!listing} onUpload={onUpload} />
      </div>
      {selected.length > 0 ? (
        <div className={styles.selection} role="toolbar" aria-label="Chosen files">
          <span>{selected.length} chosen</span>
          <Button
            variant="default"
            size="compact-sm"
            leftSection={<IconDownload size={13} />}
            onClick={() => void download(selected)}
          >
            Download…
          </Button>
          <Button
            variant="default"
            size="compact-sm"
            leftSection={<IconTrash size={13} />}
            onClick={() => onAsk({ kind: 'delete', entries: selected })}
          >
            Delete…
          </Button>
          <Button variant="subtle" size="compact-sm" onClick={() => setChosen(new Set())}>
            Choose none
          </Button>
        </div>
      ) : null}
      <div className={styles.middle}>
        <div className={styles.list} aria-busy={busy}>
          {problem ? (
            <div className={styles.problem}>
              <ProblemView problem={problem} onRetry={reload} />
            </div>
          ) : null}
          {listing && entries.length > 0 ? (
            <>
              <div className={styles.head}>
                <input
                  type="checkbox"
                  className={styles.check}
                  aria-label="Choose all"
                  ref={(box) => {
                    if (box) box.indeterminate = selected.length > 0 && selected.length < entries.length
                  }}
                  checked={selected.length === entries.length}
                  onChange={(event) =>
                    setChosen(new Set(event.currentTarget.checked ? entries.map(({ name }) => name) : []))
                  }
                />
                <span className={styles.headName}>Name</span>
                <span className={styles.size}>Size</span>
                <span className={styles.time}>Modified</span>
              </div>
              <FileRows
                key={listing.path}
                folder={listing.path}
                entries={entries}
                chosen={chosen}
                previewed={previewed}
                actions={actions}
              />
              {listing.truncated ? (
                <p className={styles.note}>
                  The folder holds more than these. Use a terminal to see all of it.
                </p>
              ) : null}
            </>
          ) : null}
          {listing && entries.length === 0 ? (
            <EmptyState
              icon={<IconFolder size={20} />}
              title={unseen > 0 ? 'Only hidden files here' : 'This folder is empty'}
              actions={
                unseen > 0 ? (
                  <Button variant="default" leftSection={<IconEye size={14} />} onClick={toggleHidden}>
                    Show hidden files
                  </Button>
                ) : null
              }
            >
              Drag files and folders here to upload them.
            </EmptyState>
          ) : null}
        </div>
        {previewed !== undefined && place !== undefined ? (
          <PreviewPanel
            workspaceId={workspaceId}
            path={join(place, previewed)}
            onDownload={() => void download(entries.filter(({ name }) => name === previewed))}
            onClose={() => onPreview(undefined)}
          />
        ) : null}
      </div>
    </>
  )
}

interface UploadButtonProps {
  readonly disabled: boolean
  readonly onUpload: (paths: readonly string[]) => void
}

function UploadButton({ disabled, onUpload }: UploadButtonProps) {
  const choose = async (kind: 'files' | 'folders') => {
    const result = await callShell('shell.chooseUpload', { kind })
    if (!result.ok) notifyProblem(result.problem)
    else onUpload(result.value.paths)
  }
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button variant="default" leftSection={<IconUpload size={14} />} disabled={disabled}>
          Upload
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<IconFiles size={14} />} onClick={() => void choose('files')}>
          Files…
        </Menu.Item>
        <Menu.Item leftSection={<IconFolder size={14} />} onClick={() => void choose('folders')}>
          Folders…
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
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
