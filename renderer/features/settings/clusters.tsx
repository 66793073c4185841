import { Select } from '@mantine/core'
import { CLUSTER_BUILDER, CLUSTER_BUILDER_IMAGE, type KubernetesOptions, type Target } from '#contract'
import { Section } from '../../ui/facts'
import { Row, TextSetting } from './rows'

interface ClustersProps {
  readonly options: KubernetesOptions
  readonly targets: readonly Target[]
  readonly change: (options: KubernetesOptions) => void
}

/** How images of definitions with a `build` get onto a cluster. */
export function Clusters({ options, targets, change }: ClustersProps) {
  const { builder, pushTo } = options.build ?? {}
  const save = (fields: NonNullable<KubernetesOptions['build']>) => {
    const { build, ...rest } = options
    const next = Object.fromEntries(Object.entries({ ...build, ...fields }).filter(([, value]) => value))
    change(Object.keys(next).length > 0 ? { ...rest, build: next } : rest)
  }
  const engines = targets.filter(({ kind }) => kind === 'docker')
  const isCluster = builder === CLUSTER_BUILDER
  const gone = builder !== undefined && !isCluster && !engines.some(({ id }) => id === builder)
  return (
    <Section title="Images for clusters">
      <Row
        title="Built on"
        text={
          isCluster
            ? 'A pod of the cluster builds, with BuildKit, where a definition asks for it.'
            : 'This Docker engine builds, where a definition asks for it.'
        }
      >
        {(id) => (
          <Select
            aria-labelledby={id}
            value={builder ?? ''}
            onChange={(chosen) => save({ builder: chosen || undefined })}
            data={[
              { value: '', label: 'None' },
              { value: CLUSTER_BUILDER, label: 'In the cluster' },
              ...engines.map((target) => ({ value: target.id, label: target.name })),
              ...(gone ? [{ value: builder, label: `${builder} (not there)` }] : []),
            ]}
          />
        )}
      </Row>
      {isCluster && (
        <Row title="The builder's image" text="BuildKit's, made for running without root.">
          {(id) => (
            <TextSetting
              labelledBy={id}
              value={options.build?.builderImage ?? ''}
              placeholder={CLUSTER_BUILDER_IMAGE}
              onSave={(text) => save({ builderImage: text || undefined })}
            />
          )}
        </Row>
      )}
      <Row title="Pushed to" text="A repository that your clusters pull from. docker login says who you are.">
        {(id) => (
          <TextSetting
            labelledBy={id}
            value={pushTo ?? ''}
            placeholder="registry.example.com/team/workspaces"
            onSave={(text) => save({ pushTo: text || undefined })}
          />
        )}
      </Row>
    </Section>
  )
}
