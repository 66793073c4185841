import { Button, NumberInput, Select, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { Port } from '#contract'
import { useRequest } from '../../lib/hooks'
import { ProblemView } from '../../lib/problem-view'
import styles from './ports.module.css'

interface ForwardFormProps {
  readonly workspaceId: string
  readonly onClose: () => void
}

/** Forwards a port by hand, whether or not anything listens on it yet. */
export function ForwardForm({ workspaceId, onClose }: ForwardFormProps) {
  const [port, setPort] = useState<number | string>('')
  const [localPort, setLocalPort] = useState<number | string>('')
  const [label, setLabel] = useState('')
  const [protocol, setProtocol] = useState<Port['protocol']>('http')
  const forward = useRequest('ports.forward')
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (typeof port !== 'number') return
    const result = await forward.run({
      workspaceId,
      port,
      protocol,
      ...(typeof localPort === 'number' ? { localPort } : {}),
      ...(label ? { label } : {}),
    })
    if (result.ok) onClose()
  }
  const number = { min: 1, max: 65_535, allowDecimal: false, allowNegative: false, hideControls: true }
  return (
    <form
      className={styles.form}
      aria-label="Forward a port"
      onSubmit={(event) => void submit(event)}
      onKeyDown={(event) => {
        if (event.key === 'Escape') onClose()
      }}
    >
      <div className={styles.fields}>
        <NumberInput label="Port" placeholder="8080" autoFocus value={port} onChange={setPort} {...number} />
        <NumberInput
          label="Local port"
          placeholder="Same, if free"
          value={localPort}
          onChange={setLocalPort}
          {...number}
        />
        <Select
          label="Speaks"
          value={protocol}
          onChange={(value) => value && setProtocol(value as Port['protocol'])}
          data={[
            { value: 'http', label: 'HTTP' },
            { value: 'https', label: 'HTTPS' },
            { value: 'tcp', label: 'Other TCP' },
          ]}
        />
        <TextInput
          label="Label"
          placeholder="Optional"
          maxLength={100}
          value={label}
          onChange={(event) => setLabel(event.currentTarget.value)}
        />
        <Button type="submit" loading={forward.busy} disabled={typeof port !== 'number'}>
          Forward
        </Button>
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
      </div>
      {forward.problem ? <ProblemView problem={forward.problem} /> : null}
    </form>
  )
}
