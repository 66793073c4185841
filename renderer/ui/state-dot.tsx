import styles from './state-dot.module.css'

/** What a dot can say. Shape and motion differ as well as colour, so that it can be read without seeing colours. */
export type DotTone = 'good' | 'busy' | 'off' | 'bad' | 'warn'

interface StateDotProps {
  readonly tone: DotTone
  /** Read by screen readers; leave out where the state stands beside it in words. */
  readonly label?: string
}

export function StateDot({ tone, label }: StateDotProps) {
  return (
    <span
      className={styles.dot}
      data-tone={tone}
      title={label}
      {...(label ? { role: 'img', 'aria-label': label } : { 'aria-hidden': true })}
    />
  )
}
