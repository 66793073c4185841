import { SegmentedControl, Select, Switch } from '@mantine/core'
import { useEffect, useState } from 'react'
import type { Problem, RequestInput, Settings, ShellRequestOutput } from '#contract'
import { callShell } from '../../lib/bridge'
import { request } from '../../lib/engine'
import { useCollection, useRecord, useSettings } from '../../lib/hooks'
import { IdleChoice } from '../../lib/idle-choice'
import { ProblemView } from '../../lib/problem-view'
import { VariablesEditor } from '../../lib/variables-editor'
import { Facts, Section } from '../../ui/facts'
import { Page } from '../../ui/page'
import { Clusters } from './clusters'
import { Dotfiles } from './dotfiles'
import { ImageAliases } from './image-aliases'
import { Machine } from './machine'
import { Policies } from './policies'
import { NumberSetting, Row, TextSetting } from './rows'
import styles from './settings.module.css'
import { Ssh } from './ssh'
import { TemplateRepositories } from './template-repositories'

type Change = RequestInput<'settings.change'>

/** Every preference, applied as it is made. */
export function SettingsView() {
  const settings = useSettings()
  const [problem, setProblem] = useState<Problem | undefined>()
  const change = async (fields: Change) => {
    const result = await request('settings.change', fields)
    setProblem(result.ok ? undefined : result.problem)
  }
  return (
    <Page title="Settings" subtitle="Applied as you change them." width="reading">
      {problem ? (
        <div className={styles.problem}>
          <ProblemView problem={problem} />
        </div>
      ) : null}
      {settings ? <Sections settings={settings} change={(fields) => void change(fields)} /> : null}
      <VariablesEditor
        title="Variables and secrets"
        text="In all workspaces that you make from this computer. A project and a workspace can have others."
        scope={{ kind: 'user' }}
      />
      <Ssh />
      <Machine />
      <About />
    </Page>
  )
}

interface SectionsProps {
  readonly settings: Settings
  readonly change: (fields: Change) => void
}

function Sections({ settings, change }: SectionsProps) {
  const targets = useCollection('targets')
  const router = useRecord('engine', 'engine')?.routerPort
  const { terminal } = settings
  const changeTerminal = (fields: Partial<Settings['terminal']>) =>
    change({ terminal: { ...terminal, ...fields } })
  return (
    <>
      <Section title="Look">
        <Row title="Theme">
          {(id) => (
            <SegmentedControl
              aria-labelledby={id}
              value={settings.theme}
              onChange={(theme) => change({ theme: theme as Settings['theme'] })}
              data={[
                { value: 'system', label: 'System' },
                { value: 'light', label: 'Light' },
                { value: 'dark', label: 'Dark' },
              ]}
            />
          )}
        </Row>
      </Section>
      <Section title="New workspaces">
        <Row title="Target" text="Where a new workspace goes unless you choose.">
          {(id) => (
            <Select
              aria-labelledby={id}
              value={settings.defaultTarget ?? ''}
              onChange={(target) => change({ defaultTarget: target || undefined })}
              data={[
                { value: '', label: 'As docker and kubectl have it' },
                ...targets.map((target) => ({ value: target.id, label: target.name })),
              ]}
            />
          )}
        </Row>
        <Row title="Image" text="For a source that has no definition.">
          {(id) => (
            <TextSetting
              labelledBy={id}
              value={settings.defaultImage}
              required
              onSave={(defaultImage) => change({ defaultImage })}
            />
          )}
        </Row>
        <Row
          title="Leave out what git ignores"
          text="Where a folder is copied to its target, and not mounted. Its .git goes along."
        >
          {(id) => (
            <Switch
              aria-labelledby={id}
              checked={settings.respectGitignore}
              onChange={(event) => change({ respectGitignore: event.currentTarget.checked })}
            />
          )}
        </Row>
        <Row
          title="Stop by themselves"
          text="When nobody types, no job prints, nothing is forwarded and no processor is busy. Each workspace can have it otherwise."
        >
          {(id) => (
            <IdleChoice
              labelledBy={id}
              value={settings.idle}
              kind={undefined}
              onChange={(idle) => change({ idle })}
            />
          )}
        </Row>
      </Section>
      <Dotfiles dotfiles={settings.dotfiles} change={(dotfiles) => change({ dotfiles })} />
      <ImageAliases aliases={settings.imageAliases} change={(imageAliases) => change({ imageAliases })} />
      <TemplateRepositories templates={settings.templates} change={(templates) => change({ templates })} />
      <Policies settings={settings.policy} change={(policy) => change({ policy })} />
      <Clusters
        options={settings.kubernetes}
        targets={targets}
        change={(kubernetes) => change({ kubernetes })}
      />
      <Section title="Ports">
        <Row
          title="Forward ports by themselves"
          text="As soon as something listens, unless its definition says otherwise."
        >
          {(id) => (
            <Switch
              aria-labelledby={id}
              checked={settings.autoForward}
              onChange={(event) => change({ autoForward: event.currentTarget.checked })}
            />
          )}
        </Row>
        <Row
          title="Port of URLs"
          text={
            router !== undefined && settings.routerPort !== 0 && router !== settings.routerPort
              ? `${settings.routerPort} is taken; ${router} is used instead. 0 lets the system choose.`
              : `The number in http://8080-name.localhost:${router ?? settings.routerPort}. 0 lets the system choose.`
          }
        >
          {(id) => (
            <NumberSetting
              labelledBy={id}
              value={settings.routerPort}
              min={0}
              max={65_535}
              onSave={(routerPort) => change({ routerPort })}
            />
          )}
        </Row>
      </Section>
      <Section title="Terminal">
        <Row title="Font" text="Empty: the system’s own monospaced font.">
          {(id) => (
            <TextSetting
              labelledBy={id}
              value={terminal.fontFamily}
              placeholder="JetBrains Mono, monospace"
              onSave={(fontFamily) => changeTerminal({ fontFamily })}
            />
          )}
        </Row>
        <Row title="Font size" text="In pixels.">
          {(id) => (
            <NumberSetting
              labelledBy={id}
              value={terminal.fontSize}
              min={6}
              max={40}
              onSave={(fontSize) => changeTerminal({ fontSize })}
            />
          )}
        </Row>
        <Row title="Lines kept" text="How far each terminal scrolls back.">
          {(id) => (
            <NumberSetting
              labelledBy={id}
              value={terminal.scrollback}
              min={100}
              max={100_000}
              onSave={(scrollback) => changeTerminal({ scrollback })}
            />
          )}
        </Row>
        <Row
          title="Go on without Berth"
          text="What runs in a new terminal runs on in the workspace when Berth is closed or cut off, and is there again afterwards."
        >
          {(id) => (
            <Switch
              aria-labelledby={id}
              checked={terminal.keep}
              onChange={(event) => changeTerminal({ keep: event.currentTarget.checked })}
            />
          )}
        </Row>
        <Row title="Blinking cursor">
          {(id) => (
            <Switch
              aria-labelledby={id}
              checked={terminal.cursorBlink}
              onChange={(event) => changeTerminal({ cursorBlink: event.currentTarget.checked })}
            />
          )}
        </Row>
        <Row title="Copy what is selected" text="Without pressing a key.">
          {(id) => (
            <Switch
              aria-labelledby={id}
              checked={terminal.copyOnSelect}
              onChange={(event) => changeTerminal({ copyOnSelect: event.currentTarget.checked })}
            />
          )}
        </Row>
      </Section>
      <Section title="Asking first">
        <Row title="Before stop, restart and rebuild" text="Deleting always asks.">
          {(id) => (
            <SegmentedControl
              aria-labelledby={id}
              value={settings.confirm}
              onChange={(confirm) => change({ confirm: confirm as Settings['confirm'] })}
              data={[
                { value: 'always', label: 'Always' },
                { value: 'when-lossy', label: 'If something is lost' },
              ]}
            />
          )}
        </Row>
      </Section>
    </>
  )
}

function About() {
  const [info, setInfo] = useState<ShellRequestOutput<'shell.info'> | undefined>()
  useEffect(() => {
    void callShell('shell.info', {}).then((result) => setInfo(result.ok ? result.value : undefined))
  }, [])
  if (!info) return null
  return (
    <Section title="About">
      <Facts
        facts={[
          ['Berth', info.version],
          ['Electron', info.electron],
        ]}
      />
    </Section>
  )
}
