import { Button, Checkbox, TextInput } from '@mantine/core'
import { IconLock, IconPlus, IconTrash } from '@tabler/icons-react'
import { type FormEvent, useEffect, useState } from 'react'
import {
  type Problem,
  type RequestOutput,
  type VariableFacts,
  type VariableScope,
  variableNameFault,
} from '#contract'
import { Section } from '../ui/facts'
import { IconButton } from '../ui/icon-button'
import { request } from './engine'
import { ProblemView } from './problem-view'
import styles from './variables-editor.module.css'

interface VariablesEditorProps {
  readonly title: string
  /** For which workspaces, as a sentence. */
  readonly text: string
  readonly scope: VariableScope
}

/** Variables and secrets of a scope. A secret can be set anew and taken away; nothing here ever has its value. */
export function VariablesEditor({ title, text, scope }: VariablesEditorProps) {
  const [variables, setVariables] = useState<readonly VariableFacts[] | undefined>()
  const [problem, setProblem] = useState<Problem | undefined>()
  const [told, setTold] = useState<RequestOutput<'variables.set'> | undefined>()
  const [turn, setTurn] = useState(0)
  const key = JSON.stringify(scope)
  // biome-ignore lint/correctness/useExhaustiveDependencies: `turn` is there to ask again
  useEffect(() => {
    const controller = new AbortController()
    void request('variables.list', { scope: JSON.parse(key) }, controller.signal).then((result) => {
      if (controller.signal.aborted) return
      if (result.ok) setVariables(result.value)
      else setProblem(result.problem)
    })
    return () => controller.abort()
  }, [key, turn])
  const settle = (result: Awaited<ReturnType<typeof request<'variables.set'>>>): boolean => {
    setProblem(result.ok ? undefined : result.problem)
    setTold(result.ok ? result.value : undefined)
    setTurn((now) => now + 1)
    return result.ok
  }
  const remove = async (name: string) => settle(await request('variables.remove', { scope, name }))
  return (
    <Section title={title}>
      <div className={styles.text}>{text}</div>
      {variables?.map(({ name, value }) => (
        <div className={styles.row} key={name}>
          <span className={styles.name} title={name}>
            {name}
          </span>
          <span className={styles.value} title={value}>
            {value === undefined ? (
              <>
                <IconLock size={13} aria-hidden /> secret, in the keychain
              </>
            ) : (
              value
            )}
          </span>
          <IconButton label={`Remove ${name}`} onClick={() => void remove(name)}>
            <IconTrash size={15} />
          </IconButton>
        </div>
      ))}
      <Addition
        taken={variables?.map(({ name }) => name) ?? []}
        save={async (name, value, secret) =>
          settle(await request('variables.set', { scope, name, value, secret }))
        }
      />
      {told && told.workspaces.length > 0 ? (
        <div className={styles.told} role="status">
          New terminals of {told.workspaces.join(', ')} have it.
        </div>
      ) : null}
      {[...(problem ? [problem] : []), ...(told?.problems ?? [])].map((each) => (
        <ProblemView key={each.title} problem={each} tone={each === problem ? 'failure' : 'warning'} />
      ))}
    </Section>
  )
}

interface AdditionProps {
  readonly taken: readonly string[]
  readonly save: (name: string, value: string, secret: boolean) => Promise<boolean>
}

function Addition({ taken, save }: AdditionProps) {
  const [name, setName] = useState('')
  const [value, setValue] = useState('')
  const [secret, setSecret] = useState(false)
  const [busy, setBusy] = useState(false)
  const fault = name === '' ? undefined : variableNameFault(name)
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (name === '' || fault !== undefined) return
    setBusy(true)
    const isSaved = await save(name, value, secret)
    setBusy(false)
    if (!isSaved) return
    setName('')
    setValue('')
  }
  return (
    <>
      <form className={styles.form} onSubmit={(event) => void submit(event)}>
        <TextInput
          className={styles.field}
          aria-label="Name of a variable"
          placeholder="NAME"
          spellCheck={false}
          autoComplete="off"
          value={name}
          error={fault !== undefined}
          onChange={(event) => setName(event.currentTarget.value.trim())}
        />
        <TextInput
          type={secret ? 'password' : 'text'}
          className={styles.field}
          aria-label="Value"
          placeholder="Value"
          spellCheck={false}
          autoComplete="off"
          value={value}
          onChange={(event) => setValue(event.currentTarget.value)}
        />
        <Checkbox
          label="Secret"
          checked={secret}
          onChange={(event) => setSecret(event.currentTarget.checked)}
        />
        <Button
          type="submit"
          variant="default"
          leftSection={<IconPlus size={14} />}
          loading={busy}
          disabled={name === '' || fault !== undefined}
        >
          {taken.includes(name) ? 'Replace' : 'Add'}
        </Button>
      </form>
      {fault === undefined ? null : (
        <div className={styles.fault} role="alert">
          {fault}
        </div>
      )}
    </>
  )
}
