import { Button, Group, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { FileRecord } from '#contract'
import { count } from '../../lib/format'
import { useRequest } from '../../lib/hooks'
import { ProblemView } from '../../lib/problem-view'
import { Dialog } from '../../ui/dialog'
import styles from './files.module.css'
import { baseName, fileNameFault, isFolder, join, shown } from './words'

/** What is asked just now. */
export type Question =
  | { readonly kind: 'new-folder' }
  | { readonly kind: 'rename'; readonly entry: FileRecord }
  | { readonly kind: 'delete'; readonly entries: readonly FileRecord[] }
  | { readonly kind: 'replace'; readonly paths: readonly string[]; readonly names: readonly string[] }

interface DialogsProps {
  readonly workspaceId: string
  readonly folder: string
  readonly names: readonly string[]
  readonly question: Question
  /** Something was done, or nothing. */
  readonly onClose: (changed: boolean) => void
  readonly onUpload: (paths: readonly string[], existing: 'replace' | 'keep-both') => void
}

export function Dialogs({ question, ...rest }: DialogsProps) {
  switch (question.kind) {
    case 'new-folder':
      return <NameDialog {...rest} />
    case 'rename':
      return <NameDialog {...rest} entry={question.entry} />
    case 'delete':
      return <DeleteDialog {...rest} entries={question.entries} />
    case 'replace':
      return <ReplaceDialog {...rest} paths={question.paths} taken={question.names} />
  }
}

type Common = Omit<DialogsProps, 'question'>

/** Of a new folder, or of what is renamed. */
function NameDialog({
  workspaceId,
  folder,
  names,
  onClose,
  entry,
}: Common & { readonly entry?: FileRecord }) {
  const [name, setName] = useState(entry ? shown(entry.name) : '')
  const make = useRequest('files.makeFolder')
  const rename = useRequest('files.rename')
  const fault = fileNameFault(
    name,
    names.filter((other) => other !== entry?.name),
  )
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (fault) return
    if (entry && name === shown(entry.name)) return onClose(false)
    const result = entry
      ? await rename.run({ workspaceId, path: join(folder, entry.name), name })
      : await make.run({ workspaceId, folder, name })
    if (result.ok) onClose(true)
  }
  const problem = make.problem ?? rename.problem
  return (
    <Dialog title={entry ? `Rename ${shown(entry.name)}` : 'New folder'} onClose={() => onClose(false)}>
      <form className={styles.form} onSubmit={(event) => void submit(event)}>
        <TextInput
          label="Name"
          description={entry ? undefined : `It is made in ${shown(folder)}.`}
          data-autofocus
          value={name}
          error={name === '' ? undefined : fault}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        {problem ? <ProblemView problem={problem} /> : null}
        <Group justify="flex-end" gap={8}>
          <Button variant="default" onClick={() => onClose(false)}>
            Cancel
          </Button>
          <Button type="submit" disabled={fault !== undefined} loading={make.busy || rename.busy}>
            {entry ? 'Rename' : 'Make folder'}
          </Button>
        </Group>
      </form>
    </Dialog>
  )
}

function DeleteDialog({
  workspaceId,
  folder,
  entries,
  onClose,
}: Common & { readonly entries: readonly FileRecord[] }) {
  const remove = useRequest('files.delete')
  const [first] = entries
  const what =
    entries.length === 1 && first ? `“${shown(first.name)}”` : count(entries.length, 'entry', 'entries')
  const folders = entries.filter((entry) => entry.kind === 'folder').length
  const act = async () => {
    const paths = entries.map(({ name }) => join(folder, name))
    const result = await remove.run({ workspaceId, paths })
    if (result.ok) onClose(true)
  }
  return (
    <Dialog title={`Delete ${what}?`} onClose={() => onClose(remove.problem !== undefined)}>
      <div className={styles.form}>
        <p className={styles.effect}>
          {folders > 0
            ? 'Folders go with all that they hold. '
            : entries.some(({ kind }) => kind === 'link')
              ? 'Of a link only the link itself goes. '
              : ''}
          There is no trash in a workspace: this cannot be undone.
        </p>
        {remove.problem ? <ProblemView problem={remove.problem} /> : null}
        <Group justify="flex-end" gap={8}>
          <Button variant="default" data-autofocus onClick={() => onClose(remove.problem !== undefined)}>
            Cancel
          </Button>
          <Button color="red" loading={remove.busy} onClick={() => void act()}>
            Delete
          </Button>
        </Group>
      </div>
    </Dialog>
  )
}

function ReplaceDialog({
  paths,
  taken,
  onClose,
  onUpload,
}: Common & { readonly paths: readonly string[]; readonly taken: readonly string[] }) {
  const [first = ''] = taken
  const decide = (existing: 'replace' | 'keep-both') => {
    onUpload(paths, existing)
    onClose(false)
  }
  return (
    <Dialog
      title={
        taken.length === 1 ? `“${shown(first)}” is there already` : `${taken.length} files are there already`
      }
      onClose={() => onClose(false)}
    >
      <div className={styles.form}>
        <p className={styles.effect}>
          Replace {taken.length === 1 ? 'it' : 'them'}, or keep both? What is kept beside another one gets a
          number.
        </p>
        <Group justify="flex-end" gap={8}>
          <Button variant="default" onClick={() => onClose(false)}>
            Cancel
          </Button>
          <Button variant="default" onClick={() => decide('replace')}>
            Replace
          </Button>
          <Button data-autofocus onClick={() => decide('keep-both')}>
            Keep both
          </Button>
        </Group>
      </div>
    </Dialog>
  )
}

/** Files of the folder that an upload would meet. */
export function takenBy(paths: readonly string[], entries: readonly FileRecord[]): readonly string[] {
  const names = new Set(paths.map(baseName))
  return entries.filter((entry) => names.has(entry.name) && !isFolder(entry)).map(({ name }) => name)
}
