import type { Workspace } from '#contract'
import { formatSource } from '../../lib/format'
import { VariablesEditor } from '../../lib/variables-editor'

/** The user's variables for this workspace, and for all of its source. */
export function VariablesSection({ workspace }: { readonly workspace: Workspace }) {
  const { id, source } = workspace
  return (
    <>
      <VariablesEditor
        title="Variables of this workspace"
        text="They go before those of the project, and these before your own in the settings. New terminals have them at once."
        scope={{ kind: 'workspace', workspaceId: id }}
      />
      <VariablesEditor
        title="Variables of the project"
        text={`For every workspace of yours that is made from ${formatSource(source)}.`}
        scope={{ kind: 'project', source }}
      />
    </>
  )
}
