import { Button, Checkbox, Group, NativeSelect, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { Problem } from '#contract'
import { request } from '../../lib/engine'
import { sourceText, targetText } from '../../lib/format'
import { useCollection, useSettings } from '../../lib/hooks'
import { navigate, useNavigation } from '../../lib/navigation'
import { makePrebuild, mayHavePrebuilds, type PrebuildWish, useNewPrebuild } from '../../lib/prebuilds'
import { ProblemView } from '../../lib/problem-view'
import { Dialog } from '../../ui/dialog'
import { Mono } from '../../ui/facts'
import styles from './storage.module.css'
import { usePrebuildNotices } from './use-prebuild-notices'

/** Asks of what a prebuild is to be made, whenever somebody wants one, and says what came of it. */
export function PrebuildDialog() {
  usePrebuildNotices()
  const begin = useNewPrebuild((state) => state.begin)
  return begin ? <Asking key={JSON.stringify(begin)} begin={begin} /> : null
}

function close(): void {
  useNewPrebuild.setState({ begin: undefined })
}

function Asking({ begin }: { readonly begin: Partial<PrebuildWish> }) {
  const targets = useCollection('targets').filter(mayHavePrebuilds)
  const settings = useSettings()
  const [text, setText] = useState(begin.source ? sourceText(begin.source) : '')
  const [branch, setBranch] = useState('')
  const [force, setForce] = useState(begin.force ?? false)
  const [chosen, setChosen] = useState(begin.targetId)
  const [busy, setBusy] = useState(false)
  const [fault, setFault] = useState<string | undefined>()
  const [problem, setProblem] = useState<Problem | undefined>()
  const sure = targets.filter(({ capabilities }) => capabilities?.prebuilds)
  const wanted = chosen ?? settings?.defaultTarget
  const target =
    targets.find(({ id }) => id === wanted) ??
    sure.find(({ isDefault }) => isDefault) ??
    sure[0] ??
    targets[0]
  const isFixed = begin.source !== undefined
  const make = async () => {
    if (!target) return
    const source =
      begin.source !== undefined
        ? ({ ok: true, value: { source: begin.source } } as const)
        : await request('sources.parse', {
            text: text.trim(),
            ...(branch.trim() ? { branch: branch.trim() } : {}),
          })
    if (!source.ok) return setFault(`${source.problem.cause} ${source.problem.remedy}`)
    if (source.value.source.kind !== 'git')
      return setFault('Prebuilds are made of git repositories: give a git URL.')
    const { definitionPath, image } = begin
    const result = await makePrebuild({
      targetId: target.id,
      source: source.value.source,
      ...(definitionPath !== undefined && { definitionPath }),
      ...(image !== undefined && { image }),
      force,
    })
    if (!result.ok) return setProblem(result.problem)
    close()
    // The form for a new workspace tells of it itself.
    if (useNavigation.getState().route.view !== 'create') navigate({ view: 'storage' })
  }
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    // The form for a new workspace may be around this one.
    event.stopPropagation()
    if (busy || (!isFixed && text.trim() === '')) return
    setBusy(true)
    setFault(undefined)
    setProblem(undefined)
    await make()
    setBusy(false)
  }
  return (
    <Dialog title="New prebuild" onClose={close} size={520}>
      <form className={styles.form} onSubmit={(event) => void submit(event)}>
        <p className={styles.text}>
          Berth gets the image, clones the repository, runs what runs only once, and keeps the whole as an
          image. Workspaces of it then start in seconds, for everybody who uses the target. None of your
          secrets and logins go into it.
        </p>
        {isFixed ? (
          <p className={styles.text}>
            Of <Mono>{text}</Mono>
            {begin.definitionPath === undefined ? null : (
              <>
                , by <Mono>{begin.definitionPath}</Mono>
              </>
            )}
            {begin.image === undefined ? null : (
              <>
                , on the image <Mono>{begin.image}</Mono>
              </>
            )}
          </p>
        ) : (
          <TextInput
            label="Git URL"
            placeholder="https://github.com/owner/repository"
            data-autofocus
            spellCheck={false}
            value={text}
            error={fault}
            onChange={(event) => {
              setText(event.currentTarget.value)
              setFault(undefined)
            }}
          />
        )}
        <div className={isFixed ? undefined : styles.two}>
          {isFixed ? null : (
            <TextInput
              label="Branch"
              placeholder="The repository’s default"
              spellCheck={false}
              value={branch}
              onChange={(event) => setBranch(event.currentTarget.value)}
            />
          )}
          <NativeSelect
            label="Target"
            value={target?.id ?? ''}
            data={targets.map((one) => ({ value: one.id, label: targetText(one) }))}
            onChange={(event) => setChosen(event.currentTarget.value)}
          />
        </div>
        <Checkbox
          label="Make it anew, even if there is one of this commit"
          description="On the newest base image, with nothing of earlier builds."
          checked={force}
          onChange={(event) => setForce(event.currentTarget.checked)}
        />
        {fault !== undefined && isFixed ? <p className={styles.text}>{fault}</p> : null}
        {problem ? <ProblemView problem={problem} /> : null}
        <Group justify="flex-end" gap={8}>
          <Button variant="default" onClick={close}>
            Cancel
          </Button>
          <Button
            type="submit"
            loading={busy}
            disabled={!target || (!isFixed && text.trim() === '')}
            data-autofocus={isFixed || undefined}
          >
            Make the prebuild
          </Button>
        </Group>
      </form>
    </Dialog>
  )
}
