import { Anchor } from '@mantine/core'
import { Fragment, useEffect, useState } from 'react'
import type { Definition, EventStep, LifecycleCommand, RequestOutput, Volume, Workspace } from '#contract'
import { describeRight, grantedRights } from '#contract/rights'
import { openInBrowser } from '../../lib/actions'
import { editorsText } from '../../lib/editors'
import { request } from '../../lib/engine'
import { formatAgo, formatBytes, formatSource, sourceWebAddress, targetText } from '../../lib/format'
import { useCollection, useNow, useRecord } from '../../lib/hooks'
import { amountsText } from '../../lib/kubernetes-options'
import { askFor, possibleVerbs, runningOperation } from '../../lib/lifecycle'
import { needsText } from '../../lib/needs'
import { ProblemView } from '../../lib/problem-view'
import { Facts, Mono, Section } from '../../ui/facts'
import { DataSection } from './data-section'
import { GrantsSection } from './grants-section'
import { IdleSection } from './idle-section'
import { MadeFrom } from './made-from'
import { ServicesSection } from './services-section'
import { useDiagnosis } from './use-diagnosis'
import { VariablesSection } from './variables-section'
import styles from './workspace.module.css'

type Stats = RequestOutput<'workspaces.stats'>
/** How often the use of processor and memory is asked for, milliseconds. */
const STATS_INTERVAL = 3000

/** All that is known of a workspace. */
export function Details({ workspace }: { readonly workspace: Workspace }) {
  const { definition, user, source } = workspace
  const target = useRecord('targets', workspace.targetId)
  const stats = useStats(workspace.id, workspace.state === 'running')
  const busy = runningOperation(useCollection('operations'), workspace.id) !== undefined
  const problems = useDiagnosis(workspace, busy)
  const now = useNow(30_000)
  const web = sourceWebAddress(source)
  return (
    <div className={styles.details}>
      {workspace.problem ? (
        <div className={styles.diagnosis}>
          <ProblemView problem={workspace.problem} />
        </div>
      ) : null}
      {problems.map((problem) => (
        <div key={`${problem.code} ${problem.title}`} className={styles.diagnosis}>
          <ProblemView problem={problem} tone="warning" />
        </div>
      ))}
      <Section title="Workspace">
        <Facts
          facts={[
            [
              'Source',
              web ? (
                <Anchor
                  key="source"
                  component="button"
                  type="button"
                  size="sm"
                  ta="left"
                  onClick={() => void openInBrowser(web)}
                >
                  {formatSource(source)}
                </Anchor>
              ) : (
                <Mono key="source">{formatSource(source)}</Mono>
              ),
            ],
            ['Target', target ? `${targetText(target)} (${target.endpoint})` : workspace.targetId],
            [
              'Image',
              <Fragment key="image">
                <Mono>{workspace.image}</Mono>
                {definition.imageIsDefault ? ', the default one: the file names none' : null}
              </Fragment>,
            ],
            [
              'Made from',
              workspace.prebuild ? <MadeFrom key="prebuild" prebuild={workspace.prebuild} /> : undefined,
            ],
            ['Folder', <Mono key="folder">{definition.workspaceFolder}</Mono>],
            ['User', `${user.name} (${user.uid}), home ${user.home}, shell ${user.shell ?? 'none'}`],
            [
              target?.kind === 'kubernetes' ? 'Pod' : 'Container',
              workspace.instance ? <Mono key="instance">{workspace.instance}</Mono> : undefined,
            ],
            ['Asks for', amountsText(workspace.kubernetes)],
            ['Allowed', grantedRights(definition.container).map(describeRight).join(', ')],
            ['Created', `${formatAgo(workspace.createdAt, now)} by ${workspace.owner}`],
            ['Up since', workspace.startedAt ? formatAgo(workspace.startedAt, now) : undefined],
            [
              'Volume',
              workspace.volume ? (
                <VolumeFact key="volume" workspace={workspace} volume={workspace.volume} busy={busy} />
              ) : undefined,
            ],
            ['Processor', stats ? `${stats.cpu.toFixed(2)} cores` : undefined],
            ['Memory', stats ? memory(stats) : undefined],
            ['Identifier', <Mono key="id">{workspace.id}</Mono>],
          ]}
        />
      </Section>
      <ServicesSection workspace={workspace} />
      <DataSection workspace={workspace} />
      <GrantsSection workspace={workspace} />
      <VariablesSection workspace={workspace} />
      <IdleSection workspace={workspace} />
      <DefinitionSection definition={definition} />
      {definition.policy ? (
        <Section title="As your team says">
          <Facts facts={definition.policy.map(({ policy, text }) => [policy, text] as const)} />
        </Section>
      ) : null}
      {definition.notApplied.length > 0 ? (
        <Section title="In the definition, but not applied">
          <Facts facts={definition.notApplied.map(({ field, reason }) => [field, reason] as const)} />
        </Section>
      ) : null}
    </div>
  )
}

interface VolumeFactProps {
  readonly workspace: Workspace
  readonly volume: Volume
  readonly busy: boolean
}

/** How large the volume for source and home is, what it is to become, and a way to make it larger. */
function VolumeFact({ workspace, volume, busy }: VolumeFactProps) {
  const { size, asked, waitsFor, storageClass } = volume
  const growing =
    asked === undefined ? '' : size === undefined ? `${asked} asked for` : `, growing to ${asked}`
  return (
    <>
      {size ?? ''}
      {growing}
      {storageClass ? `, storage class ${storageClass}` : ''}
      {waitsFor ? <span className={styles.note}>{waitsFor}</span> : null}{' '}
      {possibleVerbs(workspace, busy).has('grow') ? (
        <Anchor component="button" type="button" size="sm" onClick={() => askFor('grow', workspace.id)}>
          Grow…
        </Anchor>
      ) : null}
    </>
  )
}

function memory({ memory: used, memoryLimit }: Stats): string {
  return memoryLimit ? `${formatBytes(used)} of ${formatBytes(memoryLimit)}` : formatBytes(used)
}

const formats: Record<Definition['format'], string> = {
  devcontainer: 'Dev Container',
  gitpod: 'Gitpod',
  devfile: 'Devfile',
  dockerfile: 'Dockerfile',
  detected: 'Proposed by what the source holds',
  image: 'Image',
  default: 'Default image; the source has no definition',
}

function DefinitionSection({ definition }: { readonly definition: Definition }) {
  const { build } = definition
  const environment = { ...definition.containerEnv, ...definition.remoteEnv }
  return (
    <Section title="Definition">
      <Facts
        facts={[
          ['Kind', formats[definition.format]],
          ['Title', definition.title],
          [
            'File',
            definition.path ? (
              <Mono key="path">{definition.path}</Mono>
            ) : definition.format === 'devcontainer' ? (
              'None of the source: given with the workspace'
            ) : undefined,
          ],
          [
            'Built from',
            build ? <Mono key="build">{`${build.dockerfile} in ${build.context}`}</Mono> : undefined,
          ],
          ['Forwarded ports', definition.forwardPorts.join(', ')],
          [
            'Environment',
            Object.keys(environment).length > 0 ? (
              <Mono key="env">{Object.keys(environment).sort().join(', ')}</Mono>
            ) : undefined,
          ],
          ['Needs', needsText(definition.hostRequirements)],
          ['Editors', editorsText(definition.customizations)],
          ...definition.mounts.map(
            (mount) =>
              [
                'Mount',
                <Mono key={mount.target}>{[mount.source ?? mount.type, mount.target].join(' → ')}</Mono>,
              ] as const,
          ),
          ...Object.entries(definition.lifecycle).map(
            ([phase, command]) => [phase, <Mono key={phase}>{commandText(command)}</Mono>] as const,
          ),
          ...Object.entries(definition.eventSteps ?? {}).map(
            ([event, steps = []]) => [event, <Mono key={event}>{stepsText(steps)}</Mono>] as const,
          ),
        ]}
      />
    </Section>
  )
}

/** Each with the container that it is for. */
function stepsText(steps: readonly EventStep[]): string {
  return steps.map(({ name, service }) => (service ? `${name} (in ${service})` : name)).join('; ')
}

function commandText(command: LifecycleCommand): string {
  if (typeof command === 'string') return command
  if (Array.isArray(command)) return command.join(' ')
  return Object.entries(command)
    .map(([name, one]) => `${name}: ${commandText(one)}`)
    .join('; ')
}

function useStats(workspaceId: string, running: boolean): Stats | undefined {
  const [stats, setStats] = useState<Stats | undefined>()
  useEffect(() => {
    setStats(undefined)
    if (!running) return
    const controller = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    const ask = async () => {
      const result = await request('workspaces.stats', { workspaceId }, controller.signal)
      if (controller.signal.aborted) return
      // A target that cannot tell is asked no more; the line is simply not there.
      setStats(result.ok ? result.value : undefined)
      if (result.ok) timer = setTimeout(() => void ask(), STATS_INTERVAL)
    }
    void ask()
    return () => {
      controller.abort()
      clearTimeout(timer)
    }
  }, [workspaceId, running])
  return stats
}
