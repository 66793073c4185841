import { Button, Menu } from '@mantine/core'
import { IconFiles, IconFolder, IconUpload } from '@tabler/icons-react'
import { callShell } from '../../lib/bridge'
import { notifyProblem } from '../../lib/notify'

interface UploadButtonProps {
  readonly disabled: boolean
  readonly onUpload: (paths: readonly string[]) => void
}

/** Asks for files or folders of this machine; a system has no dialog for both. */
export function UploadButton({ disabled, onUpload }: UploadButtonProps) {
  const choose = async (kind: 'files' | 'folders') => {
    const result = await callShell('shell.chooseUpload', { kind })
    if (!result.ok) notifyProblem(result.problem)
    else onUpload(result.value.paths)
  }
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button variant="default" leftSection={<IconUpload size={14} />} disabled={disabled}>
          Upload
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<IconFiles size={14} />} onClick={() => void choose('files')}>
          Files…
        </Menu.Item>
        <Menu.Item leftSection={<IconFolder size={14} />} onClick={() => void choose('folders')}>
          Folders…
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
