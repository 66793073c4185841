import { Menu } from '@mantine/core'
import {
  IconCopy,
  IconDots,
  IconDownload,
  IconFile,
  IconFolderFilled,
  IconLink,
  IconLinkOff,
  IconPencil,
  IconTrash,
} from '@tabler/icons-react'
import { type KeyboardEvent, memo, type Ref, useImperativeHandle, useRef } from 'react'
import type { FileRecord } from '#contract'
import { copyText } from '../../lib/actions'
import { formatAgo, formatBytes } from '../../lib/format'
import { useNow } from '../../lib/hooks'
import { useWindowed } from '../../lib/windowed'
import { LateMenu } from '../../ui/late-menu'
import styles from './files.module.css'
import { isFolder, join, kindText, permissionText, shown } from './words'

/** Pixels, as files.module.css has it. */
const ROW_HEIGHT = 34

export interface RowActions {
  readonly open: (entry: FileRecord) => void
  readonly choose: (entry: FileRecord, chosen: boolean) => void
  readonly download: (entry: FileRecord) => void
  readonly rename: (entry: FileRecord) => void
  readonly remove: (entry: FileRecord) => void
}

/** What else can be done with the rows. */
export interface FileRowsHandle {
  /** Gives the keyboard to the entry at an index, drawn or not. */
  focus(index: number): void
}

interface FileRowsProps {
  readonly ref: Ref<FileRowsHandle>
  readonly folder: string
  readonly entries: readonly FileRecord[]
  readonly chosen: ReadonlySet<string>
  /** What is shown beside the list. */
  readonly previewed: string | undefined
  readonly actions: RowActions
}

/** What is in a folder. Arrow keys walk through it; the keys of other file managers do what they do there. */
export function FileRows({ ref, folder, entries, chosen, previewed, actions }: FileRowsProps) {
  const list = useRef<HTMLUListElement>(null)
  const now = useNow(60_000)
  const { indexes, before, after, focus, onKeyDown } = useWindowed(list, entries.length, ROW_HEIGHT)
  useImperativeHandle(ref, () => ({ focus }))
  const keys = (event: KeyboardEvent<HTMLElement>) => {
    const index = (event.target as HTMLElement).closest<HTMLElement>('[data-index]')?.dataset.index
    const entry = entries[Number(index)]
    const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey
    if (event.target instanceof HTMLButtonElement && entry) {
      if (event.key === 'Delete' && isPlain) return actions.remove(entry)
      if (event.key === 'F2') return actions.rename(entry)
    }
    if (!event.altKey) onKeyDown(event)
  }
  return (
    <ul ref={list} className={styles.rows} aria-label="Files" onKeyDown={keys}>
      {before > 0 ? <li aria-hidden style={{ height: before }} /> : null}
      {indexes.map((index) => {
        const entry = entries[index]
        return entry ? (
          <Row
            key={entry.name}
            index={index}
            folder={folder}
            entry={entry}
            chosen={chosen.has(entry.name)}
            previewed={previewed === entry.name}
            now={now}
            actions={actions}
          />
        ) : null
      })}
      {after > 0 ? <li aria-hidden style={{ height: after }} /> : null}
    </ul>
  )
}

interface RowProps {
  readonly index: number
  readonly folder: string
  readonly entry: FileRecord
  readonly chosen: boolean
  readonly previewed: boolean
  readonly now: number
  readonly actions: RowActions
}

const Row = memo(function Row({ index, folder, entry, chosen, previewed, now, actions }: RowProps) {
  const name = shown(entry.name)
  const canCopy = (entry.target ?? entry.kind) === 'folder' || (entry.target ?? entry.kind) === 'file'
  return (
    <li
      data-index={index}
      className={styles.row}
      data-chosen={chosen || undefined}
      data-previewed={previewed || undefined}
    >
      <input
        type="checkbox"
        className={styles.check}
        aria-label={`Choose ${name}`}
        checked={chosen}
        onChange={(event) => actions.choose(entry, event.currentTarget.checked)}
      />
      <button
        type="button"
        className={styles.open}
        title={`${name}\n${kindText(entry)}, ${permissionText(entry.mode)}`}
        onClick={() => actions.open(entry)}
      >
        <KindIcon entry={entry} />
        <span className={styles.name}>{name}</span>
        <span className={styles.size}>{isFolder(entry) ? '' : formatBytes(entry.size)}</span>
        <span className={styles.time} title={new Date(entry.modified).toLocaleString()}>
          {formatAgo(entry.modified, now)}
        </span>
      </button>
      <LateMenu label={`Actions for ${name}`} icon={<IconDots size={15} />}>
        {() => (
          <>
            <Menu.Item
              leftSection={<IconDownload size={14} />}
              disabled={!canCopy}
              onClick={() => actions.download(entry)}
            >
              Download…
            </Menu.Item>
            <Menu.Item leftSection={<IconPencil size={14} />} onClick={() => actions.rename(entry)}>
              Rename…
            </Menu.Item>
            <Menu.Item
              leftSection={<IconCopy size={14} />}
              onClick={() => void copyText(join(folder, entry.name), 'Path')}
            >
              Copy path
            </Menu.Item>
            <Menu.Divider />
            <Menu.Item
              color="red"
              leftSection={<IconTrash size={14} />}
              onClick={() => actions.remove(entry)}
            >
              Delete…
            </Menu.Item>
          </>
        )}
      </LateMenu>
    </li>
  )
})

function KindIcon({ entry }: { readonly entry: FileRecord }) {
  const label = kindText(entry)
  if (entry.kind === 'link' && !entry.target)
    return <IconLinkOff size={16} className={styles.icon} aria-label={label} />
  if (isFolder(entry))
    return <IconFolderFilled size={16} className={styles.icon} data-folder aria-label={label} />
  if (entry.kind === 'link') return <IconLink size={16} className={styles.icon} aria-label={label} />
  return <IconFile size={16} className={styles.icon} aria-label={label} />
}
