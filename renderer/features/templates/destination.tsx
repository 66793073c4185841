import { Button, TextInput } from '@mantine/core'
import { useState } from 'react'
import { callShell } from '../../lib/bridge'
import { notifyProblem } from '../../lib/notify'
import { folderNameFault, joinPath } from './listed'
import styles from './templates.module.css'

/** Where the last repository went, while the window is open. */
let lastParent = '~'

export interface DestinationState {
  readonly name: string
  readonly setName: (name: string) => void
  readonly parent: string
  readonly setParent: (parent: string) => void
  /** The new repository's own. */
  readonly folder: string
  readonly fault: string | undefined
  /** So that the next one is proposed beside it. */
  readonly remember: () => void
}

export function useDestination(id: string): DestinationState {
  const [name, setName] = useState(id)
  const [parent, setParent] = useState(lastParent)
  const fault = folderNameFault(name) ?? (parent.trim() === '' ? 'Choose a folder.' : undefined)
  return {
    name,
    setName,
    parent,
    setParent,
    folder: joinPath(parent.trim(), name.trim()),
    fault,
    remember: () => {
      lastParent = parent.trim()
    },
  }
}

/** Name and place of a new repository. */
export function Destination({ destination }: { readonly destination: DestinationState }) {
  const { name, parent, folder } = destination
  const choose = async () => {
    const result = await callShell('shell.chooseFolder', { purpose: 'repository' })
    if (!result.ok) notifyProblem(result.problem)
    else if (result.value.path !== null) destination.setParent(result.value.path)
  }
  return (
    <>
      <TextInput
        label="Name of the repository"
        spellCheck={false}
        value={name}
        error={folderNameFault(name)}
        onChange={(event) => destination.setName(event.currentTarget.value)}
      />
      <div className={styles.where}>
        <TextInput
          label="In the folder"
          spellCheck={false}
          value={parent}
          error={parent.trim() === ''}
          onChange={(event) => destination.setParent(event.currentTarget.value)}
        />
        <Button variant="default" onClick={() => void choose()}>
          Choose…
        </Button>
      </div>
      <p className={styles.faint}>
        {destination.fault === undefined ? `Becomes ${folder}, with a first commit.` : ' '}
      </p>
    </>
  )
}
