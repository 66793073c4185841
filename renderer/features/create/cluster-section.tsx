import { Select, Switch, Textarea, TextInput, UnstyledButton } from '@mantine/core'
import { IconChevronRight } from '@tabler/icons-react'
import { type ReactNode, useEffect, useState } from 'react'
import type { Bounds, KubernetesOptions, Room, Target } from '#contract'
import { parseKubernetesTargetId } from '#contract/target-id'
import { amountsText } from '../../lib/kubernetes-options'
import { ProblemView } from '../../lib/problem-view'
import { boundsLines, type RoomState, roomMeters } from '../../lib/room'
import { Meters } from '../../ui/meters'
import type { ClusterDraft, ReadDraft } from './cluster-draft'
import styles from './create.module.css'

interface ClusterSectionProps {
  readonly target: Target
  readonly draft: ClusterDraft
  readonly read: ReadDraft
  readonly room: RoomState
  /** What the settings say of workspaces on clusters. */
  readonly defaults: KubernetesOptions
  readonly onChange: (fields: Partial<ClusterDraft>) => void
  readonly onRetry: () => void
}

/** What a workspace asks of its cluster, and what room there is. Folded away, because a namespace may well decide it. */
export function ClusterSection(props: ClusterSectionProps) {
  const { target, read, room, onRetry } = props
  const { namespace } = parseKubernetesTargetId(target.id)
  const known = room.room
  const limits = known ? boundsLines(known) : []
  const hidden = known?.unknown.includes('list resourcequotas') === true
  const faulty = (fields: readonly (keyof ClusterDraft)[]) => fields.some((field) => read.faults[field])
  return (
    <>
      {known && (known.allowances.length > 0 || limits.length > 0 || hidden) ? (
        <section className={styles.room} aria-label={`Room in ${namespace}`}>
          <h2 className={styles.roomTitle}>Room in {namespace}</h2>
          {known.allowances.length > 0 ? (
            <Meters label="What its quotas leave" meters={roomMeters(known)} />
          ) : hidden ? (
            <p className={styles.note}>What is left is not known: you may not list resourcequotas there.</p>
          ) : null}
          {limits.map((line) => (
            <p key={line} className={styles.note}>
              {line}
            </p>
          ))}
        </section>
      ) : null}
      <div className={styles.folds}>
        <Fold
          title="Resources"
          summary={amountsText(read.options)}
          faulty={faulty(amountFields)}
          opens={known?.problem !== undefined}
        >
          <Amounts {...props} known={known} />
        </Fold>
        <Fold title="Nodes, registry and labels" summary={placesText(read)} faulty={faulty(placeFields)}>
          <Places {...props} />
        </Fold>
      </div>
      {known?.problem ? <ProblemView problem={known.problem} onRetry={onRetry} /> : null}
      {room.problem && target.state === 'ready' ? (
        <ProblemView problem={room.problem} tone="warning" onRetry={onRetry} />
      ) : null}
    </>
  )
}

const amountFields = ['cpu', 'cpuLimit', 'memory', 'memoryLimit', 'storage', 'gpu'] as const
const placeFields = ['nodeSelector', 'tolerations', 'labels', 'annotations'] as const

interface FoldProps {
  readonly title: string
  /** What is inside, while it is folded. */
  readonly summary: string
  /** Something inside has a fault: it is not to be overlooked. */
  readonly faulty: boolean
  /** What is to be done is inside; the user may fold it all the same. */
  readonly opens?: boolean
  readonly children: ReactNode
}

function Fold({ title, summary, faulty, opens = false, children }: FoldProps) {
  const [wanted, setWanted] = useState(false)
  useEffect(() => {
    if (faulty || opens) setWanted(true)
  }, [faulty, opens])
  const shown = wanted || faulty
  return (
    <div className={styles.fold} data-open={shown || undefined}>
      <UnstyledButton className={styles.more} aria-expanded={shown} onClick={() => setWanted(!shown)}>
        <IconChevronRight size={14} data-open={shown || undefined} aria-hidden />
        {title}
        {shown || summary === '' ? null : <span className={styles.summary}>{summary}</span>}
      </UnstyledButton>
      {shown ? <div className={styles.fields}>{children}</div> : null}
    </div>
  )
}

/** What it gets where nothing is typed: as the settings say, else as the namespace does. */
function otherwise(
  defaults: KubernetesOptions,
  bounds: readonly Bounds[],
  resource: 'cpu' | 'memory',
  kind: 'requests' | 'limits',
): string {
  const of = bounds.filter((one) => one.of === 'container' && one.resource === resource)
  const given = of
    .map((one) => (kind === 'requests' ? one.defaultRequest : one.defaultLimit))
    .find((one) => one !== undefined)
  return defaults[kind]?.[resource] ?? given ?? (kind === 'requests' ? 'Nothing for sure' : 'No limit')
}

function Amounts({
  draft,
  read,
  defaults,
  known,
  onChange,
}: ClusterSectionProps & { readonly known: Room | undefined }) {
  const bounds = known?.bounds ?? []
  const amount = (field: (typeof amountFields)[number], label: string, placeholder: string) => (
    <TextInput
      label={label}
      placeholder={placeholder}
      spellCheck={false}
      value={draft[field]}
      error={read.faults[field]}
      onChange={(event) => onChange({ [field]: event.currentTarget.value })}
    />
  )
  return (
    <>
      {amount('cpu', 'CPU, sure to get', otherwise(defaults, bounds, 'cpu', 'requests'))}
      {amount('cpuLimit', 'CPU, at most', otherwise(defaults, bounds, 'cpu', 'limits'))}
      {amount('memory', 'Memory, sure to get', otherwise(defaults, bounds, 'memory', 'requests'))}
      {amount('memoryLimit', 'Memory, at most', otherwise(defaults, bounds, 'memory', 'limits'))}
      {amount('storage', 'Volume for source and home', defaults.storage ?? '10Gi')}
      <StorageClassField
        classes={known?.storageClasses}
        preset={defaults.storageClass}
        value={draft.storageClass}
        onChange={(storageClass) => onChange({ storageClass })}
      />
      {amount('gpu', 'GPUs', String(defaults.gpu?.count ?? 'None'))}
      <TextInput
        label="What the nodes call a GPU"
        placeholder={defaults.gpu?.resource ?? 'nvidia.com/gpu'}
        spellCheck={false}
        value={draft.gpuResource}
        onChange={(event) => onChange({ gpuResource: event.currentTarget.value })}
      />
    </>
  )
}

interface StorageClassFieldProps {
  readonly classes: Room['storageClasses']
  readonly preset: string | undefined
  readonly value: string
  readonly onChange: (value: string) => void
}

function StorageClassField({ classes, preset, value, onChange }: StorageClassFieldProps) {
  if (!classes) {
    return (
      <TextInput
        label="Storage class"
        description="You may not list storageclasses.storage.k8s.io: type its name."
        inputWrapperOrder={['label', 'input', 'description', 'error']}
        placeholder={preset ?? 'The cluster’s default'}
        spellCheck={false}
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
    )
  }
  const own = preset ?? classes.find(({ isDefault }) => isDefault)?.name
  return (
    <Select
      label="Storage class"
      value={value}
      allowDeselect={false}
      onChange={(chosen) => onChange(chosen ?? '')}
      data={[
        { value: '', label: own ? `Default (${own})` : 'None is the default' },
        ...classes.map(({ name, grows }) => ({
          value: name,
          label: grows ? name : `${name}, cannot grow later`,
        })),
      ]}
    />
  )
}

function Places({ draft, read, defaults, onChange }: ClusterSectionProps) {
  const area = (field: (typeof placeFields)[number], label: string, placeholder: string) => (
    <Textarea
      label={label}
      placeholder={placeholder}
      autosize
      minRows={2}
      maxRows={6}
      spellCheck={false}
      value={draft[field]}
      error={read.faults[field]}
      onChange={(event) => onChange({ [field]: event.currentTarget.value })}
    />
  )
  return (
    <>
      {area('nodeSelector', 'Only nodes with these labels', 'disk=ssd\none a line')}
      {area('tolerations', 'Also nodes with these taints', 'gpu=yes:NoSchedule\none a line')}
      {area('labels', 'Labels of your own', 'team=tides\none a line')}
      {area('annotations', 'Annotations of your own', 'note=what you like\none a line')}
      <TextInput
        label="Pull secrets"
        description="Names of Secrets in the namespace, for private images."
        inputWrapperOrder={['label', 'input', 'description', 'error']}
        placeholder={defaults.pullSecrets?.join(' ') ?? 'None'}
        spellCheck={false}
        value={draft.pullSecrets}
        onChange={(event) => onChange({ pullSecrets: event.currentTarget.value })}
      />
      <Switch
        className={styles.login}
        label="Give the cluster my Docker login"
        description="For the image’s registry, in a Secret that goes with the workspace. Whoever may read Secrets there can read it."
        checked={draft.dockerLogin}
        onChange={(event) => onChange({ dockerLogin: event.currentTarget.checked })}
      />
    </>
  )
}

/** What was chosen there, in a few words. */
function placesText({ options }: ReadDraft): string {
  const { nodeSelector, tolerations, labels, annotations, pullSecrets, dockerLogin } = options ?? {}
  const number = (count: number, what: string) => (count > 0 ? [`${count} ${what}`] : [])
  const keys = (fields: object | undefined) => Object.keys(fields ?? {}).length
  return [
    ...number(keys(nodeSelector) + (tolerations?.length ?? 0), 'about nodes'),
    ...(dockerLogin ? ['Docker login'] : (pullSecrets ?? [])),
    ...number(keys(labels) + keys(annotations), 'labels and annotations'),
  ].join(', ')
}
