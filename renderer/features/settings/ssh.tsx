import { Switch } from '@mantine/core'
import { useEffect, useState } from 'react'
import type { Problem, SshConfigStatus } from '#contract'
import { request } from '../../lib/engine'
import { ProblemView } from '../../lib/problem-view'
import { Section } from '../../ui/facts'
import { Row } from './rows'
import styles from './settings.module.css'

/** Whether OpenSSH knows workspaces: kept in its own configuration, and not in Berth's. */
export function Ssh() {
  const [status, setStatus] = useState<SshConfigStatus | undefined>()
  const [problem, setProblem] = useState<Problem | undefined>()
  const show = (asking: ReturnType<typeof request<'access.sshConfig'>>) =>
    void asking.then((result) => {
      if (result.ok) setStatus(result.value)
      setProblem(result.ok ? undefined : result.problem)
    })
  useEffect(() => {
    let isGone = false
    void request('access.sshConfig', {}).then((result) => {
      if (isGone) return
      if (result.ok) setStatus(result.value)
      else setProblem(result.problem)
    })
    return () => {
      isGone = true
    }
  }, [])
  const text = status
    ? `With one line in ${status.file}, ssh, scp, rsync, git and editors reach a workspace as name.berth. Off takes the line out again.`
    : 'ssh, scp, rsync, git and editors reach a workspace as name.berth.'
  return (
    <Section title="SSH">
      <Row title="Let SSH know workspaces" text={text}>
        {(id) => (
          <Switch
            aria-labelledby={id}
            checked={status?.isInstalled ?? false}
            disabled={!status}
            onChange={(event) =>
              show(request('access.setSshConfig', { isInstalled: event.currentTarget.checked }))
            }
          />
        )}
      </Row>
      {problem ? (
        <div className={styles.finding}>
          <ProblemView problem={problem} />
        </div>
      ) : null}
    </Section>
  )
}
