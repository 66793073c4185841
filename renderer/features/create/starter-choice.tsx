import { Select } from '@mantine/core'
import type { StarterProject } from '#contract'

interface StarterChoiceProps {
  readonly projects: readonly StarterProject[] | undefined
  readonly chosen: string | undefined
  readonly onChange: (name: string | undefined) => void
}

/** Lets an empty source begin with one of the definition's starter projects. */
export function StarterChoice({ projects = [], chosen, onChange }: StarterChoiceProps) {
  if (projects.length === 0) return null
  const found = projects.find(({ name }) => name === chosen)
  return (
    <Select
      label="Starter project"
      description={found?.description ?? 'For a source that is empty but for its definition'}
      placeholder="None: the source as it is"
      clearable
      clearButtonProps={{ 'aria-label': 'No starter project' }}
      data={projects.map(({ name }) => name)}
      value={found ? found.name : null}
      onChange={(name) => onChange(name ?? undefined)}
    />
  )
}
