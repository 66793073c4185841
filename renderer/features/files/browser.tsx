import { Button } from '@mantine/core'
import {
  IconArrowUp,
  IconDownload,
  IconEye,
  IconEyeOff,
  IconFolder,
  IconFolderPlus,
  IconRefresh,
  IconTrash,
} from '@tabler/icons-react'
import { useEffect, useMemo, useRef, useState } from 'react'
import type { FileRecord } from '#contract'
import { callShell } from '../../lib/bridge'
import { request } from '../../lib/engine'
import { notifyProblem } from '../../lib/notify'
import { ProblemView } from '../../lib/problem-view'
import { EmptyState } from '../../ui/empty-state'
import { IconButton } from '../../ui/icon-button'
import { Breadcrumbs } from './breadcrumbs'
import type { Question } from './dialogs'
import { FileRows, type FileRowsHandle, type RowActions } from './file-rows'
import styles from './files.module.css'
import { PreviewPanel } from './preview-panel'
import { UploadButton } from './upload-button'
import { type Folder, useHidden } from './use-folder'
import { baseName, isFolder, join, parentOf } from './words'

interface BrowserProps {
  readonly workspaceId: string
  readonly folder: Folder
  /** The name of what is shown beside the list. */
  readonly previewed: string | undefined
  readonly onPreview: (name: string | undefined) => void
  readonly onAsk: (question: Question) => void
  readonly onUpload: (paths: readonly string[]) => void
}

/** A folder of a workspace, with the ways to others, and a preview beside it. */
export function Browser({ workspaceId, folder, previewed, onPreview, onAsk, onUpload }: BrowserProps) {
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
  const list = useRef<HTMLElement>(null)
  const rows = useRef<FileRowsHandle>(null)
  const before = useRef(place)
  // biome-ignore lint/correctness/useExhaustiveDependencies: hiding some of the entries moves nobody
  useEffect(() => {
    const from = before.current
    before.current = listing?.path
    // What had the keyboard may have gone with the folder before.
    const { activeElement } = document
    if (!listing || (activeElement !== document.body && activeElement !== list.current)) return
    const cameFrom = from !== undefined && parentOf(from) === listing.path ? baseName(from) : undefined
    if (entries.length === 0) return list.current?.focus({ preventScroll: true })
    const at = entries.findIndex(({ name }) => name === cameFrom)
    rows.current?.focus(Math.max(at, 0))
  }, [listing])
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
        <section
          ref={list}
          className={styles.list}
          data-scrolls
          aria-label="Files of the folder"
          aria-busy={busy}
          tabIndex={-1}
          onKeyDown={(event) => {
            const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey
            const isUp = (event.key === 'Backspace' && isPlain) || (event.key === 'ArrowUp' && event.altKey)
            // A menu's keys come by here as well.
            if (!isUp || path === undefined || !list.current?.contains(event.target as Node)) return
            event.preventDefault()
            go(parentOf(path))
          }}
        >
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
                ref={rows}
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
        </section>
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
