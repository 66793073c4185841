import { Button, TextInput } from '@mantine/core'
import { IconArrowRight, IconBrandGit, IconFolderOpen, IconSparkles } from '@tabler/icons-react'
import { type FormEvent, type ReactNode, useEffect, useState } from 'react'
import type { Target } from '#contract'
import { callShell } from '../../lib/bridge'
import { useCollection, useLoaded } from '../../lib/hooks'
import { navigate } from '../../lib/navigation'
import { notifyProblem } from '../../lib/notify'
import styles from './onboarding.module.css'

interface FirstRunViewProps {
  readonly mark: ReactNode
  /** A target as a card. */
  readonly card: (target: Target) => ReactNode
}

function create(text: string): void {
  navigate({ view: 'create', text })
}

/** What a newcomer sees: what Berth is, one field to begin with, and whether this machine is ready for it. */
export function FirstRunView({ mark, card }: FirstRunViewProps) {
  const [text, setText] = useState('')
  const targets = useCollection('targets')
  const loaded = useLoaded('targets')
  const example = useExample()
  const submit = (event: FormEvent) => {
    event.preventDefault()
    create(text.trim())
  }
  const chooseFolder = async () => {
    const result = await callShell('shell.chooseFolder', {})
    if (!result.ok) notifyProblem(result.problem)
    else if (result.value.path !== null) create(result.value.path)
  }
  const ready = targets.filter((target) => target.state === 'ready')
  return (
    <div className={styles.scroll}>
      <div className={styles.page}>
        <div className={styles.mark}>{mark}</div>
        <h1 className={styles.title}>Give Berth a repository</h1>
        <p className={styles.text}>
          It makes a workspace of it on any Docker or Kubernetes you can reach: terminals that stay, and a URL
          for whatever you run. No server, no VPN, no account.
        </p>
        <form className={styles.form} onSubmit={submit}>
          <TextInput
            classNames={{ root: styles.field ?? '', input: styles.input ?? '' }}
            aria-label="Git URL, folder or image"
            placeholder="https://github.com/owner/repository"
            leftSection={<IconBrandGit size={18} />}
            autoFocus
            spellCheck={false}
            autoComplete="off"
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
          />
          <Button type="submit" size="md" className={styles.go} rightSection={<IconArrowRight size={16} />}>
            Continue
          </Button>
        </form>
        <div className={styles.others}>
          <Button
            variant="subtle"
            color="gray"
            leftSection={<IconFolderOpen size={15} />}
            onClick={() => void chooseFolder()}
          >
            Choose a folder…
          </Button>
          {example ? (
            <Button
              variant="subtle"
              color="gray"
              leftSection={<IconSparkles size={15} />}
              onClick={() => create(example)}
            >
              Try the example
            </Button>
          ) : null}
        </div>
        <section className={styles.targets} aria-label="Targets">
          <h2 className={styles.heading}>{targetsHeading(loaded, targets.length, ready.length)}</h2>
          <ul className={styles.list}>
            {targets.map((target) => (
              <li key={target.id}>{card(target)}</li>
            ))}
          </ul>
          {loaded && targets.length === 0 ? (
            <p className={styles.none}>
              Install Docker, add a context with <code>docker context create</code>, or get a kubeconfig for a
              cluster. Berth notices by itself.
            </p>
          ) : null}
        </section>
      </div>
    </div>
  )
}

function targetsHeading(loaded: boolean, all: number, ready: number): string {
  if (!loaded) return 'Looking for Docker and Kubernetes…'
  if (all === 0) return 'Neither Docker nor Kubernetes found yet'
  if (ready === 0) return all === 1 ? 'Where it can live' : `${all} places where it can live`
  return all === 1 ? 'It can live here' : `${ready} of ${all} places are ready`
}

function useExample(): string | undefined {
  const [example, setExample] = useState<string | undefined>()
  useEffect(() => {
    void callShell('shell.info', {}).then((result) => {
      if (result.ok) setExample(result.value.example)
    })
  }, [])
  return example
}
