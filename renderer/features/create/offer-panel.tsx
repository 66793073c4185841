import { Button, Group } from '@mantine/core'
import { IconBulb, IconFileCode } from '@tabler/icons-react'
import { useState } from 'react'
import type { Problem, Proposal } from '#contract'
import { useRequest } from '../../lib/hooks'
import { notify } from '../../lib/notify'
import { ProblemView } from '../../lib/problem-view'
import { Dialog } from '../../ui/dialog'
import { Mono } from '../../ui/facts'
import { faultLineOf, type Given, summaryOf } from './offer'
import styles from './offer.module.css'
import { TextEditor } from './text-editor'

interface OfferPanelProps {
  /** What Berth proposes for a source without a definition. */
  readonly proposal: Proposal | undefined
  readonly given: Given | undefined
  /** The source, where it is a folder of this machine. */
  readonly folder: string | undefined
  /** What is wrong with the one that is given. */
  readonly problem: Problem | undefined
  readonly onChange: (given: Given | undefined) => void
  /** The folder has a definition from now on. */
  readonly onSaved: () => void
}

/** Offers a definition for a source that has none: used only when the user says so, and as the user changes it. */
export function OfferPanel({ proposal, given, folder, problem, onChange, onSaved }: OfferPanelProps) {
  const save = useRequest('definitions.save')
  const [replacing, setReplacing] = useState(false)
  const text = given?.text ?? proposal?.text
  if (text === undefined) return null
  const origin = given ? given.proposal : proposal
  const isEdited = given !== undefined && given.text !== given.proposal?.text
  const faultLine = given && faultLineOf(problem)
  const write = async (replace: boolean) => {
    if (folder === undefined) return
    const result = await save.run({ folder, text, replace })
    setReplacing(!result.ok && result.problem.code === 'file-exists')
    if (!result.ok) return
    notify({ tone: 'good', title: 'The definition is saved', text: result.value.path })
    onChange(undefined)
    onSaved()
  }
  const open = (isOpen: boolean) =>
    onChange(given ? { ...given, isOpen } : { text, isOpen, ...(proposal ? { proposal } : {}) })
  const saveButton =
    folder === undefined ? null : (
      <Button
        variant="default"
        loading={save.busy}
        disabled={faultLine !== undefined}
        onClick={() => void write(false)}
      >
        Save to folder
      </Button>
    )
  return (
    <section
      className={styles.offer}
      data-given={given !== undefined || undefined}
      aria-label="Proposed definition"
    >
      <div className={styles.head}>
        {given ? <IconFileCode size={16} aria-hidden /> : <IconBulb size={16} aria-hidden />}
        <div className={styles.words}>
          <h2 className={styles.title}>
            {given
              ? isEdited
                ? 'Your definition is used'
                : 'The proposed definition is used'
              : 'Berth proposes'}
          </h2>
          {origin && !isEdited ? <Reasons proposal={origin} /> : null}
          {given ? (
            <p className={styles.because}>
              It holds for this workspace, also when it is rebuilt
              {folder === undefined ? '.' : '; saved to the folder it holds for everybody.'}
            </p>
          ) : null}
        </div>
      </div>
      {given?.isOpen ? (
        <TextEditor
          label="Text of the definition, a devcontainer.json"
          value={given.text}
          faultLine={faultLine}
          onChange={(changed) => onChange({ ...given, text: changed })}
        />
      ) : null}
      {given?.isOpen && faultLine !== undefined && problem ? (
        <p className={styles.fault} role="status">
          {problem.cause} {problem.remedy.startsWith('Correct line') ? '' : problem.remedy}
        </p>
      ) : null}
      {save.problem && !replacing ? <ProblemView problem={save.problem} /> : null}
      <Group gap={8} className={styles.buttons}>
        {given ? (
          <>
            <Button variant="default" onClick={() => open(!given.isOpen)}>
              {given.isOpen ? 'Close the text' : 'Edit'}
            </Button>
            {saveButton}
            {isEdited && given.proposal ? (
              <Button
                variant="subtle"
                onClick={() => onChange({ ...given, text: given.proposal?.text ?? '' })}
              >
                As proposed
              </Button>
            ) : null}
            <Button variant="subtle" onClick={() => onChange(undefined)}>
              Do without
            </Button>
          </>
        ) : (
          <>
            <Button onClick={() => open(false)}>Use</Button>
            <Button variant="default" onClick={() => open(true)}>
              Edit
            </Button>
            {saveButton}
          </>
        )}
      </Group>
      {replacing ? (
        <Dialog title="Replace the definition?" onClose={() => setReplacing(false)}>
          <p className={styles.question}>
            The folder has a <Mono>.devcontainer/devcontainer.json</Mono> already. What is in it is lost.
          </p>
          <Group justify="flex-end" gap={8}>
            <Button variant="default" data-autofocus onClick={() => setReplacing(false)}>
              Cancel
            </Button>
            <Button color="red" loading={save.busy} onClick={() => void write(true)}>
              Replace
            </Button>
          </Group>
        </Dialog>
      ) : null}
    </section>
  )
}

function Reasons({ proposal }: { readonly proposal: Proposal }) {
  const { what, because } = summaryOf(proposal.reasons)
  return (
    <>
      <ul className={styles.what}>
        {what.map((one) => (
          <li key={one}>{one}</li>
        ))}
      </ul>
      <p className={styles.because}>
        because of{' '}
        {because.map((file, index) => (
          <span key={file}>
            {index > 0 ? ', ' : ''}
            <Mono>{file}</Mono>
          </span>
        ))}
      </p>
    </>
  )
}
