import { Button, Checkbox, NativeSelect, TextInput, UnstyledButton } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { useId, useState } from 'react'
import type { BuildAsks, BuildSecret } from '#contract'
import { type GrantsDraft, listedSecrets, type SecretOrigin, secretIdFault } from './build-grants'
import styles from './build-grants.module.css'

interface BuildGrantsFieldsProps {
  readonly asks: BuildAsks
  readonly draft: GrantsDraft
  readonly onChange: (draft: GrantsDraft) => void
  /** SSH and network are offered although nothing is known to ask for them. */
  readonly offersAll?: boolean
}

const origins: readonly { readonly value: SecretOrigin; readonly label: string }[] = [
  { value: 'none', label: 'Not given' },
  { value: 'value', label: 'Typed here' },
  { value: 'variable', label: 'Variable of Berth’s environment' },
  { value: 'file', label: 'File of this machine' },
]

/** What the build of an image may have of this machine: nothing, unless the user says so. */
export function BuildGrantsFields({ asks, draft, onChange, offersAll = false }: BuildGrantsFieldsProps) {
  const secrets = listedSecrets(asks, draft)
  return (
    <div className={styles.fields}>
      {secrets.map((secret) => (
        <SecretField
          key={secret.id}
          secret={secret}
          chosen={draft.secrets[secret.id] ?? { origin: 'none', text: '' }}
          onChange={(chosen) => onChange({ ...draft, secrets: { ...draft.secrets, [secret.id]: chosen } })}
        />
      ))}
      {asks.ssh || offersAll || draft.ssh ? (
        <Checkbox
          label="It may use my SSH agent"
          description="To list its keys and to sign, and for nothing else."
          checked={draft.ssh}
          onChange={(event) => onChange({ ...draft, ssh: event.currentTarget.checked })}
        />
      ) : null}
      {asks.hostNetwork || offersAll || draft.hostNetwork ? (
        <Checkbox
          label="It may use the network of the engine’s machine"
          description={asks.hostNetwork ? 'The definition asks for it.' : 'Where the definition asks for it.'}
          checked={draft.hostNetwork}
          onChange={(event) => onChange({ ...draft, hostNetwork: event.currentTarget.checked })}
        />
      ) : null}
      <AddSecret
        taken={secrets.map(({ id }) => id)}
        onAdd={(id) =>
          onChange({
            ...draft,
            added: [...draft.added, id],
            secrets: { ...draft.secrets, [id]: { origin: 'value', text: '' } },
          })
        }
      />
    </div>
  )
}

interface SecretFieldProps {
  readonly secret: BuildSecret
  readonly chosen: GrantsDraft['secrets'][string]
  readonly onChange: (chosen: GrantsDraft['secrets'][string]) => void
}

function SecretField({ secret: { id, env }, chosen: { origin, text }, onChange }: SecretFieldProps) {
  const write = (typed: string) => onChange({ origin, text: typed })
  const common = {
    spellCheck: false,
    autoComplete: 'off',
    value: text,
    onChange: (event: { readonly currentTarget: { readonly value: string } }) =>
      write(event.currentTarget.value),
  }
  return (
    <div className={styles.secret}>
      <NativeSelect
        label={id}
        classNames={{ label: styles.id ?? '' }}
        aria-label={`Where the secret ${id} comes from`}
        data={[...origins]}
        value={origin}
        onChange={(event) => onChange({ origin: event.currentTarget.value as SecretOrigin, text: '' })}
      />
      {origin === 'value' ? (
        <TextInput
          {...common}
          type="password"
          aria-label={`Value of the secret ${id}`}
          placeholder="Kept in memory, for this build"
        />
      ) : null}
      {origin === 'variable' ? (
        <TextInput {...common} aria-label={`Variable for the secret ${id}`} placeholder={env ?? id} />
      ) : null}
      {origin === 'file' ? (
        <TextInput {...common} aria-label={`File for the secret ${id}`} placeholder="/home/you/.npmrc" />
      ) : null}
    </div>
  )
}

/** A Dockerfile may ask for secrets where nobody has looked. */
function AddSecret({
  taken,
  onAdd,
}: {
  readonly taken: readonly string[]
  readonly onAdd: (id: string) => void
}) {
  const field = useId()
  const [typed, setTyped] = useState<string | undefined>()
  if (typed === undefined)
    return (
      <UnstyledButton className={styles.more} onClick={() => setTyped('')}>
        <IconPlus size={13} aria-hidden />
        {taken.length > 0 ? 'Give it another secret' : 'Give it a secret'}
      </UnstyledButton>
    )
  const fault =
    typed === '' ? undefined : taken.includes(typed) ? 'It is listed already.' : secretIdFault(typed)
  const add = () => {
    if (typed === '' || fault !== undefined) return
    onAdd(typed)
    setTyped(undefined)
  }
  return (
    <div className={styles.secret}>
      <TextInput
        id={field}
        label="Name of the secret, its id in the Dockerfile"
        autoFocus
        spellCheck={false}
        value={typed}
        error={fault}
        onChange={(event) => setTyped(event.currentTarget.value.trim())}
        onKeyDown={(event) => {
          if (event.key !== 'Enter') return
          // The form around it is not to be sent by that.
          event.preventDefault()
          add()
        }}
      />
      <Button variant="default" disabled={typed === '' || fault !== undefined} onClick={add}>
        Add
      </Button>
    </div>
  )
}
