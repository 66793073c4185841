import { UnstyledButton } from '@mantine/core'
import { IconAlertTriangle } from '@tabler/icons-react'
import { useState } from 'react'
import type { Definition, Source } from '#contract'
import { editorsText } from '../../lib/editors'
import { count } from '../../lib/format'
import { needsText } from '../../lib/needs'
import type { PrebuildWish } from '../../lib/prebuilds'
import { ProblemView } from '../../lib/problem-view'
import { Facts, Mono } from '../../ui/facts'
import { StateDot } from '../../ui/state-dot'
import styles from './create.module.css'
import { PolicyPanel } from './policy-panel'
import { PrebuildFact } from './prebuild-fact'
import type { Asked, Previewed } from './use-preview'

/** How many fields that are not applied are listed before the user asks for all. */
const FEW = 5

interface PreviewPanelProps {
  readonly source: Source | undefined
  readonly preview: Asked<Previewed>
  readonly imageOverride: string
  /** What a prebuild would be made of; absent where none can be. */
  readonly prebuild: PrebuildWish | undefined
  readonly onRetry: () => void
}

/** What the workspace is going to be, as far as it is known. */
export function PreviewPanel({ source, preview, imageOverride, prebuild, onRetry }: PreviewPanelProps) {
  if (preview.problem) return <ProblemView problem={preview.problem} onRetry={onRetry} />
  return (
    <section className={styles.preview} aria-label="What it will be" aria-busy={preview.busy}>
      {preview.value ? (
        <Found preview={preview.value} imageOverride={imageOverride} wish={prebuild} />
      ) : (
        <div className={styles.idle} role="status">
          {preview.busy && source ? (
            <>
              <StateDot tone="busy" />
              {source.kind === 'git'
                ? 'Reading the definition from the repository, without cloning it…'
                : 'Reading the definition…'}
            </>
          ) : (
            'What Berth finds in the source shows up here, before anything is made.'
          )}
        </div>
      )}
    </section>
  )
}

interface FoundProps {
  readonly preview: Previewed
  readonly imageOverride: string
  readonly wish: PrebuildWish | undefined
}

function Found({ preview, imageOverride, wish }: FoundProps) {
  const { definition, notApplied, shortages = [], hostProblem } = preview
  const commands = [
    ...Object.keys(definition.lifecycle),
    ...(definition.eventSteps?.postStart ? ['postStartCommand'] : []),
  ]
  const [all, setAll] = useState(false)
  const shown = all || notApplied.length <= FEW + 1 ? notApplied : notApplied.slice(0, FEW)
  return (
    <>
      <div className={styles.found}>{foundText(definition)}</div>
      <Facts
        facts={[
          [
            'Image',
            imageOverride ? (
              <Mono key="image">{imageOverride}</Mono>
            ) : definition.build ? (
              <>
                Built from <Mono>{definition.build.dockerfile}</Mono>
              </>
            ) : (
              <>
                <Mono key="image">{definition.image ?? ''}</Mono>
                {definition.imageIsDefault ? ', the default one: the file names none' : null}
              </>
            ),
          ],
          ['Folder', <Mono key="folder">{definition.workspaceFolder}</Mono>],
          ['User', definition.remoteUser ?? definition.containerUser ?? 'As the image says'],
          ['Ports', definition.forwardPorts.join(', ')],
          [
            'Services',
            definition.services.map(({ name, image }) => (image ? `${name} (${image})` : name)).join(', '),
          ],
          ['Commands', commands.join(', ')],
          [
            'Prebuild',
            preview.prebuild || wish ? (
              <PrebuildFact key="prebuild" finding={preview.prebuild} wish={wish} />
            ) : undefined,
          ],
          ['Needs', needsText(definition.hostRequirements)],
          ['Editors', editorsText(definition.customizations)],
        ]}
      />
      {hostProblem ? (
        <div className={styles.hostProblem}>
          <ProblemView problem={hostProblem} />
        </div>
      ) : null}
      {shortages.length > 0 ? (
        <div className={styles.notApplied} role="note">
          <h2 className={styles.notAppliedTitle}>
            <IconAlertTriangle size={14} aria-hidden />
            The target has less than the definition asks for
          </h2>
          <ul className={styles.shortages}>
            {shortages.map((shortage) => (
              <li key={shortage}>{shortage}</li>
            ))}
          </ul>
        </div>
      ) : null}
      <PolicyPanel policy={preview.policy} />
      {notApplied.length > 0 ? (
        <div className={styles.notApplied}>
          <h2 className={styles.notAppliedTitle}>
            <IconAlertTriangle size={14} aria-hidden />
            {count(notApplied.length, 'field')} of the definition will not be applied
          </h2>
          <dl className={styles.reasons}>
            {shown.map(({ field, reason }) => (
              <div key={`${field} ${reason}`} className={styles.reason}>
                <dt>
                  <Mono>{field}</Mono>
                </dt>
                <dd>{reason}</dd>
              </div>
            ))}
          </dl>
          {shown.length < notApplied.length ? (
            <UnstyledButton className={styles.all} onClick={() => setAll(true)}>
              Show all {notApplied.length}
            </UnstyledButton>
          ) : null}
        </div>
      ) : null}
    </>
  )
}

function foundText({ format, path, title }: Definition): React.ReactNode {
  if (format === 'default') return 'No definition in the source: the default image is used'
  if (format === 'image') return 'An image as it is'
  if (path === undefined)
    return title ? `${title}, from the definition above` : 'As the definition above says'
  return (
    <>
      {title ? `${title}, from ` : 'From '}
      <Mono>{path}</Mono>
    </>
  )
}
