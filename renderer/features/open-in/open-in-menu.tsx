import { Button, Menu } from '@mantine/core'
import {
  IconBrandVscode,
  IconBrowser,
  IconChevronDown,
  IconCode,
  IconCopy,
  IconExternalLink,
  IconFolder,
  IconTerminal2,
} from '@tabler/icons-react'
import { useState } from 'react'
import type { Opener, OpenerId, SshConfigStatus, Workspace } from '#contract'
import { copyText, openInBrowser } from '../../lib/actions'
import { request } from '../../lib/engine'
import { useRequest } from '../../lib/hooks'
import { notify, notifyProblem } from '../../lib/notify'
import { ConsentDialog } from './consent-dialog'
import styles from './open-in.module.css'

const icons: Readonly<Partial<Record<OpenerId, typeof IconCode>>> = {
  vscode: IconBrandVscode,
  terminal: IconTerminal2,
  files: IconFolder,
  browser: IconBrowser,
}
const editors: readonly OpenerId[] = ['vscode', 'cursor', 'windsurf', 'zed', 'gateway']

/** What waits for the user's consent. */
interface Question {
  readonly who: string
  readonly label: string
  readonly status: SshConfigStatus
  readonly then: () => void
}

interface OpenInMenuProps {
  readonly workspace: Workspace
}

/** Opens a workspace in a program of this machine. Those that are there are looked for when the menu is opened. */
export function OpenInMenu({ workspace }: OpenInMenuProps) {
  const openers = useRequest('access.openers')
  const [opening, setOpening] = useState(false)
  const [question, setQuestion] = useState<Question | undefined>()

  const open = async (opener: Opener) => {
    setOpening(true)
    const result = await request('access.open', { workspaceId: workspace.id, opener: opener.id })
    setOpening(false)
    if (!result.ok) return notifyProblem(result.problem)
    const { hint, url } = result.value
    if (url !== undefined) void openInBrowser(url)
    // It may take its time to show itself.
    else
      notify({
        tone: 'plain',
        title: `Opening ${workspace.name} in ${opener.name}`,
        ...(hint !== undefined && { text: hint }),
      })
  }
  /** Does it once OpenSSH knows workspaces, which the user is asked for. */
  const withSsh = async (who: string, label: string, then: () => void) => {
    const status = await request('access.sshConfig', {})
    if (!status.ok) return notifyProblem(status.problem)
    if (status.value.isInstalled) then()
    else setQuestion({ who, label, status: status.value, then })
  }
  const choose = (opener: Opener) => {
    if (opener.needsSshConfig) void withSsh(opener.name, 'Add the line and open', () => void open(opener))
    else void open(opener)
  }

  const { value } = openers
  const there = value?.openers ?? []
  const items = (wanted: (id: OpenerId) => boolean) =>
    there
      .filter(({ id }) => wanted(id))
      .map((opener) => {
        const Icon = icons[opener.id] ?? IconCode
        return (
          <Menu.Item key={opener.id} leftSection={<Icon size={14} />} onClick={() => choose(opener)}>
            {opener.name}
          </Menu.Item>
        )
      })
  const found = items((id) => editors.includes(id))
  return (
    <>
      <Menu onOpen={() => void openers.run({ workspaceId: workspace.id })}>
        <Menu.Target>
          <Button
            variant="default"
            leftSection={<IconExternalLink size={14} />}
            rightSection={<IconChevronDown size={12} />}
            disabled={workspace.state !== 'running'}
            loading={opening}
          >
            Open in
          </Button>
        </Menu.Target>
        <Menu.Dropdown className={styles.menu}>
          {value === undefined ? (
            <Menu.Label role="status">
              {openers.problem ? openers.problem.title : 'Looking what is here…'}
            </Menu.Label>
          ) : (
            <>
              {found.length > 0 ? (
                found
              ) : (
                <Menu.Label>No editor that works over SSH was found here.</Menu.Label>
              )}
              {items((id) => id === 'browser')}
              <Menu.Divider />
              {items((id) => id === 'terminal' || id === 'files')}
              <Menu.Item
                leftSection={<IconCopy size={14} />}
                onClick={() =>
                  void withSsh('The command', 'Add the line and copy', () => {
                    void copyText(`ssh ${value.host}`, 'Command')
                  })
                }
              >
                Copy “ssh {value.host}”
              </Menu.Item>
            </>
          )}
        </Menu.Dropdown>
      </Menu>
      {question ? (
        <ConsentDialog
          who={question.who}
          label={question.label}
          status={question.status}
          onClose={() => setQuestion(undefined)}
          onDone={() => {
            setQuestion(undefined)
            question.then()
          }}
        />
      ) : null}
    </>
  )
}
