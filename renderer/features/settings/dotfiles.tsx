import type { Dotfiles as Choice } from '#contract'
import { Section } from '../../ui/facts'
import { Row, TextSetting } from './rows'

interface DotfilesProps {
  readonly dotfiles: Choice | null
  readonly change: (dotfiles: Choice | null) => void
}

/** The user's own files for the home of new workspaces. */
export function Dotfiles({ dotfiles, change }: DotfilesProps) {
  const { repository = '', targetPath = '', installCommand = '' } = dotfiles ?? {}
  const save = (fields: Partial<Record<keyof Choice, string>>) => {
    const next = { repository, targetPath, installCommand, ...fields }
    if (next.repository === '') return change(null)
    change({
      repository: next.repository,
      ...(next.targetPath ? { targetPath: next.targetPath } : {}),
      ...(next.installCommand ? { installCommand: next.installCommand } : {}),
    })
  }
  return (
    <Section title="Dotfiles">
      <Row
        title="Repository"
        text="Cloned into the home of each new workspace: a git URL, or owner/name of GitHub. Empty: none."
      >
        {(id) => (
          <TextSetting
            labelledBy={id}
            value={repository}
            placeholder="https://github.com/you/dotfiles"
            onSave={(text) => save({ repository: text })}
          />
        )}
      </Row>
      {repository === '' ? null : (
        <>
          <Row title="Folder" text="Where it goes.">
            {(id) => (
              <TextSetting
                labelledBy={id}
                value={targetPath}
                placeholder="~/dotfiles"
                onSave={(text) => save({ targetPath: text })}
              />
            )}
          </Row>
          <Row
            title="Install with"
            text="A file of it, or a line for the shell. Empty: install.sh and the like; else its dot files are linked."
          >
            {(id) => (
              <TextSetting
                labelledBy={id}
                value={installCommand}
                placeholder="install.sh"
                onSave={(text) => save({ installCommand: text })}
              />
            )}
          </Row>
        </>
      )}
    </Section>
  )
}
