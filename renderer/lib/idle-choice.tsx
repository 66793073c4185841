import { Checkbox, Select } from '@mantine/core'
import type { IdlePolicy, Target } from '#contract'
import { idleTime } from '#contract/idle'
import styles from './idle-choice.module.css'

/** Times to choose from, minutes. */
const times = [15, 30, 60, 120, 240, 480]
const NEVER = 'never'

interface IdleChoiceProps {
  readonly value: IdlePolicy | null
  readonly onChange: (value: IdlePolicy | null) => void
  /** Where the workspace lives; undefined where that is open. */
  readonly kind: Target['kind'] | undefined
  readonly label?: string
  readonly labelledBy?: string
  /** For who cannot see what stands beside it. */
  readonly name?: string
}

/** When a workspace is stopped by itself. */
export function IdleChoice({ value, onChange, kind, label, labelledBy, name }: IdleChoiceProps) {
  const offered = value && !times.includes(value.minutes) ? [...times, value.minutes] : times
  return (
    <div className={styles.choice}>
      <Select
        label={label}
        aria-labelledby={labelledBy}
        aria-label={name}
        allowDeselect={false}
        value={value ? String(value.minutes) : NEVER}
        onChange={(text) =>
          onChange(
            text === null || text === NEVER
              ? null
              : { minutes: Number(text), whileClosed: value?.whileClosed ?? false },
          )
        }
        data={[
          { value: NEVER, label: 'Never' },
          ...offered
            .sort((one, other) => one - other)
            .map((minutes) => ({
              value: String(minutes),
              label: `After ${idleTime(minutes)} idle`,
            })),
        ]}
      />
      {value ? (
        <Checkbox
          label="Also while Berth is closed"
          description={closedText(kind)}
          checked={value.whileClosed}
          onChange={(event) => onChange({ ...value, whileClosed: event.currentTarget.checked })}
        />
      ) : null}
    </div>
  )
}

function closedText(kind: Target['kind'] | undefined): string {
  const ends = 'Berth’s helper inside the workspace then ends all that runs in it.'
  return kind === 'kubernetes' ? `${ends} The cluster keeps the pod’s place until Berth is open again.` : ends
}
