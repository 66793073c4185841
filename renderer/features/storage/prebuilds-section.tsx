import { Button, Group } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { Prebuild, Target } from '#contract'
import { request } from '../../lib/engine'
import { formatAgo, formatBytes, formatSource, targetText } from '../../lib/format'
import { useCollection, useNow, useRequest } from '../../lib/hooks'
import { notifyProblem } from '../../lib/notify'
import { makePrebuild, mayHavePrebuilds, wishAgain } from '../../lib/prebuilds'
import { ProblemView } from '../../lib/problem-view'
import { Dialog } from '../../ui/dialog'
import { Mono, Section } from '../../ui/facts'
import styles from './storage.module.css'
import { type AskTarget, usePerTarget, withoutRepeats } from './use-per-target'

const ask: AskTarget<Prebuild> = (targetId, signal) => request('prebuilds.list', { targetId }, signal)

/** All prebuilds, by target. */
export function PrebuildsSection() {
  const targets = useCollection('targets').filter(mayHavePrebuilds)
  const operations = useCollection('operations').filter(({ kind }) => kind === 'prebuild')
  const [turn, setTurn] = useState(0)
  // Looked at again whenever one has come to its end.
  const ended = operations.filter(({ state }) => state !== 'running').length
  const asked = withoutRepeats(
    usePerTarget(ask, targets, `${turn} ${ended}`),
    ({ id, madeAt }) => `${id} ${madeAt}`,
  )
  // Of a cluster nobody may have said where its prebuilds would be: then it has none.
  const answers = asked.map((answer) =>
    answer.problem?.code === 'unsupported' ? { ...answer, value: [], problem: undefined } : answer,
  )
  const [leaving, setLeaving] = useState<Prebuild | undefined>()
  const some = answers.some(({ value }) => value && value.length > 0)
  const isKnown = answers.every(({ value, problem }) => value ?? problem)
  return (
    <Section title="Prebuilds">
      <p className={styles.about}>
        With a prebuild of its repository a new workspace starts in seconds: the image is built, the source
        cloned and what runs only once has run. It serves everybody who uses its target, and holds no secrets.
      </p>
      {answers.map(({ target, value, problem }) =>
        problem ? (
          <div key={target.id} className={styles.problem}>
            <ProblemView problem={problem} tone="warning" onRetry={() => setTurn(turn + 1)} />
          </div>
        ) : value && value.length > 0 ? (
          <section key={target.id} className={styles.place} aria-label={`Prebuilds on ${targetText(target)}`}>
            {targets.length > 1 ? <h3 className={styles.target}>{targetText(target)}</h3> : null}
            <ul className={styles.rows}>
              {value.map((prebuild) => (
                <Row
                  key={`${prebuild.id} ${prebuild.madeAt}`}
                  prebuild={prebuild}
                  busy={operations.some(
                    ({ state, targetId }) => state === 'running' && targetId === target.id,
                  )}
                  onRemove={() => setLeaving(prebuild)}
                />
              ))}
            </ul>
          </section>
        ) : null,
      )}
      {some ? null : (
        <p className={styles.nothing} role="status">
          {targets.length === 0
            ? 'No target that answers can keep prebuilds.'
            : isKnown
              ? 'There are none yet.'
              : 'Asking the targets…'}
        </p>
      )}
      {leaving ? (
        <RemoveDialog
          prebuild={leaving}
          target={targets.find(({ id }) => id === leaving.targetId)}
          onClose={() => setLeaving(undefined)}
          onRemoved={() => setTurn(turn + 1)}
        />
      ) : null}
    </Section>
  )
}

interface RowProps {
  readonly prebuild: Prebuild
  readonly busy: boolean
  readonly onRemove: () => void
}

function Row({ prebuild, busy, onRemove }: RowProps) {
  const { id, url, ref, commit, madeAt, size, definitionPath, otherImage } = prebuild
  const now = useNow(30_000)
  const [asking, setAsking] = useState(false)
  const name = prebuildName(prebuild)
  const again = async () => {
    setAsking(true)
    const result = await makePrebuild(wishAgain(prebuild))
    setAsking(false)
    if (!result.ok) notifyProblem(result.problem)
  }
  return (
    <li className={styles.row}>
      <div className={styles.words}>
        <span className={styles.name} title={ref === undefined ? url : `${url}#${ref}`}>
          {name}
        </span>
        <span className={styles.soft}>
          <Mono>{commit.slice(0, 7)}</Mono>
          {` · made ${formatAgo(madeAt, now)} · `}
          <span title="With what it shares with other images">{formatBytes(size)}</span>
          {definitionPath === undefined ? null : ` · of ${definitionPath}`}
          {otherImage === undefined ? null : ` · on ${otherImage}`}
          {' · '}
          <Mono>{id}</Mono>
        </span>
      </div>
      <Group gap={6} wrap="nowrap">
        <Button
          size="compact-xs"
          variant="subtle"
          disabled={busy}
          loading={asking}
          aria-label={`Make the prebuild of ${name} anew`}
          onClick={() => void again()}
        >
          Make anew
        </Button>
        <Button
          size="compact-xs"
          variant="subtle"
          color="red"
          aria-label={`Remove the prebuild of ${name}`}
          onClick={onRemove}
        >
          Remove…
        </Button>
      </Group>
    </li>
  )
}

/** `github.com/owner/project`, with its branch or commit. */
function prebuildName(prebuild: Prebuild): string {
  return formatSource(wishAgain(prebuild).source)
}

interface RemoveDialogProps {
  readonly prebuild: Prebuild
  readonly target: Target | undefined
  readonly onClose: () => void
  readonly onRemoved: () => void
}

function RemoveDialog({ prebuild, target, onClose, onRemoved }: RemoveDialogProps) {
  const remove = useRequest('prebuilds.remove')
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const result = await remove.run({
      targetId: prebuild.targetId,
      prebuildId: prebuild.id,
      image: prebuild.image,
    })
    if (!result.ok) return
    onRemoved()
    onClose()
  }
  return (
    <Dialog title={`Remove the prebuild of ${prebuildName(prebuild)}?`} onClose={onClose}>
      <form className={styles.form} onSubmit={(event) => void submit(event)}>
        <p className={styles.text}>
          Workspaces that were made from it go on. New ones
          {target ? ` on ${targetText(target)}` : ''} are made from scratch, which takes longer.
        </p>
        {remove.problem ? <ProblemView problem={remove.problem} /> : null}
        <Group justify="flex-end" gap={8}>
          <Button variant="default" onClick={onClose} data-autofocus>
            Cancel
          </Button>
          <Button type="submit" color="red" loading={remove.busy}>
            Remove
          </Button>
        </Group>
      </form>
    </Dialog>
  )
}
