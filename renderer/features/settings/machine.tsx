import { Button } from '@mantine/core'
import { IconAlertTriangle, IconCheck, IconStethoscope, IconX } from '@tabler/icons-react'
import type { RequestOutput } from '#contract'
import { useRequest } from '../../lib/hooks'
import { ProblemView } from '../../lib/problem-view'
import { Section } from '../../ui/facts'
import styles from './settings.module.css'

type Check = RequestOutput<'doctor.run'>[number]

const marks = {
  ok: { Icon: IconCheck, words: 'All right' },
  warning: { Icon: IconAlertTriangle, words: 'Worth a look' },
  failed: { Icon: IconX, words: 'Failed' },
} satisfies Record<Check['state'], { Icon: typeof IconCheck; words: string }>

/** What Berth leans on here, checked when the user asks: the same as `berth doctor`. */
export function Machine() {
  const doctor = useRequest('doctor.run')
  return (
    <Section title="This machine">
      <div className={styles.row}>
        <div className={styles.words}>
          <div>What Berth needs</div>
          <div className={styles.text} role="status">
            {doctor.busy
              ? 'Looking at git, ssh, space, ports and targets…'
              : doctor.value
                ? verdict(doctor.value)
                : 'git, ssh, space for temporary files, the port of URLs, and every target. Nothing is changed.'}
          </div>
        </div>
        <Button
          variant="default"
          leftSection={<IconStethoscope size={14} />}
          loading={doctor.busy}
          onClick={() => void doctor.run({})}
        >
          {doctor.value ? 'Check again' : 'Check this machine'}
        </Button>
      </div>
      {doctor.problem ? (
        <div className={styles.finding}>
          <ProblemView problem={doctor.problem} />
        </div>
      ) : null}
      {doctor.value ? (
        <ul className={styles.checks} aria-label="Findings">
          {doctor.value.map((check) => (
            <Finding key={check.name} check={check} />
          ))}
        </ul>
      ) : null}
    </Section>
  )
}

function Finding({ check }: { readonly check: Check }) {
  const { Icon, words } = marks[check.state]
  return (
    <li>
      <div className={styles.check} data-state={check.state}>
        <Icon size={14} aria-label={words} />
        <span className={styles.checkName}>{check.name}</span>
        <span className={styles.checkText}>{check.message}</span>
      </div>
      {check.problem ? (
        <div className={styles.finding}>
          <ProblemView problem={check.problem} tone={check.state === 'failed' ? 'failure' : 'warning'} />
        </div>
      ) : null}
    </li>
  )
}

function verdict(checks: readonly Check[]): string {
  const failed = checks.filter(({ state }) => state === 'failed').length
  const doubtful = checks.filter(({ state }) => state === 'warning').length
  if (failed > 0) return failed === 1 ? 'One thing has to be mended.' : `${failed} things have to be mended.`
  if (doubtful > 0) return 'Berth can work here; what is marked is worth a look.'
  return 'Everything is all right.'
}
