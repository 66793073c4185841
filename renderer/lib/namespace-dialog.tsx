import { Autocomplete, Button, Switch } from '@mantine/core'
import { IconX } from '@tabler/icons-react'
import { type FormEvent, useCallback, useEffect, useState } from 'react'
import type { Namespaces, Problem, Target } from '#contract'
import { kubernetesPatterns } from '#contract/kubernetes-patterns'
import { kubernetesTargetId, parseKubernetesTargetId } from '#contract/target-id'
import { Dialog } from '../ui/dialog'
import { IconButton } from '../ui/icon-button'
import { request } from './engine'
import { useCollection } from './hooks'
import styles from './namespace-dialog.module.css'
import { ProblemView } from './problem-view'

interface NamespaceDialogProps {
  /** Any target of the context. */
  readonly target: Target
  readonly onClose: () => void
  /** One was added; absent: the dialog stays, for more. */
  readonly onAdded?: (targetId: string) => void
}

/** Chooses which namespaces of a cluster are targets, and makes one where the identity may. */
export function NamespaceDialog({ target, onClose, onAdded }: NamespaceDialogProps) {
  const { context } = parseKubernetesTargetId(target.id)
  const targets = useCollection('targets')
  const chosen = targets
    .filter(({ kind, id }) => kind === 'kubernetes' && parseKubernetesTargetId(id).context === context)
    .map(({ id }) => parseKubernetesTargetId(id).namespace)
  const [known, setKnown] = useState<Namespaces | undefined>()
  const [problem, setProblem] = useState<Problem | undefined>()
  const [name, setName] = useState('')
  const [create, setCreate] = useState(false)
  const [busy, setBusy] = useState(false)

  const ask = useCallback(async () => {
    const result = await request('targets.namespaces', { targetId: target.id })
    if (result.ok) setKnown(result.value)
    setProblem(result.ok ? undefined : result.problem)
  }, [target.id])
  useEffect(() => void ask(), [ask])

  const wanted = name.trim()
  const { pattern, message } = kubernetesPatterns.namespace
  const fault = wanted === '' || pattern.test(wanted) ? undefined : message
  const isNew = known?.all !== undefined && wanted !== '' && !known.all.includes(wanted)
  const impossible = isNew && !known.mayCreate
  const making = isNew || (create && known?.all === undefined)

  const submit = async (event: FormEvent) => {
    event.preventDefault()
    // The form for a new workspace may be around this one.
    event.stopPropagation()
    if (wanted === '' || fault || impossible) return
    setBusy(true)
    const input = { targetId: target.id, namespace: wanted, create: making }
    const result = await request('targets.addNamespace', input)
    setBusy(false)
    setProblem(result.ok ? undefined : result.problem)
    if (!result.ok) return
    setName('')
    onAdded?.(result.value.targetId)
    if (!onAdded) void ask()
  }
  const remove = async (namespace: string) => {
    const result = await request('targets.removeNamespace', {
      targetId: kubernetesTargetId(context, namespace),
    })
    setProblem(result.ok ? undefined : result.problem)
  }

  return (
    <Dialog title={`Namespaces of ${context}`} onClose={onClose}>
      <p className={styles.text}>Each is a target of its own. Taking one away deletes nothing in it.</p>
      <ul className={styles.list} aria-label="Namespaces that are targets">
        {chosen.map((namespace) => (
          <li key={namespace} className={styles.row}>
            <span className={styles.name}>{namespace}</span>
            <IconButton
              label={chosen.length > 1 ? `Take ${namespace} away` : 'The last one stays'}
              disabled={chosen.length < 2}
              onClick={() => void remove(namespace)}
            >
              <IconX size={14} />
            </IconButton>
          </li>
        ))}
      </ul>
      <form className={styles.form} onSubmit={(event) => void submit(event)}>
        <div className={styles.fields}>
          <Autocomplete
            className={styles.field}
            label="Another namespace"
            placeholder={known && !known.all ? 'Its name' : 'Choose or type one'}
            data-autofocus
            spellCheck={false}
            value={name}
            error={fault}
            onChange={setName}
            limit={100}
            data={(known?.all ?? []).filter((one) => !chosen.includes(one))}
          />
          <Button
            type="submit"
            className={styles.add}
            loading={busy}
            disabled={wanted === '' || fault !== undefined || impossible || chosen.includes(wanted)}
          >
            {making ? 'Create and add' : 'Add'}
          </Button>
        </div>
        {impossible ? (
          <p className={styles.text} role="status">
            The cluster has no namespace of this name, and{' '}
            {target.identity ? `"${target.identity}"` : 'this identity'} may not create namespaces there.
          </p>
        ) : null}
        {known && !known.all ? (
          known.mayCreate ? (
            <Switch
              label="Create it if it is not there"
              checked={create}
              onChange={(event) => setCreate(event.currentTarget.checked)}
            />
          ) : (
            <p className={styles.text}>
              {target.identity ? `"${target.identity}"` : 'This identity'} may not list or create namespaces
              in this cluster: type the name of one that you were given.
            </p>
          )
        ) : null}
        {problem ? <ProblemView problem={problem} /> : null}
      </form>
    </Dialog>
  )
}
