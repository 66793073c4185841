import styles from './meters.module.css'

export interface Meter {
  readonly id: string
  readonly label: string
  /** `1500m of 4 left` */
  readonly text: string
  /** How much is in use, 0 to 1. */
  readonly share: number
}

/** How much of several things is in use, side by side. */
export function Meters({ label, meters }: { readonly label: string; readonly meters: readonly Meter[] }) {
  return (
    <ul className={styles.meters} aria-label={label}>
      {meters.map(({ id, label: name, text, share }) => (
        <li key={id} className={styles.meter}>
          <div className={styles.words}>
            <span className={styles.name} title={name}>
              {name}
            </span>
            <span className={styles.text}>{text}</span>
          </div>
          <div className={styles.track} aria-hidden>
            <div
              className={styles.fill}
              data-tone={share >= 0.999 ? 'full' : share >= 0.8 ? 'close' : undefined}
              style={{ width: `${Math.round(Math.min(1, Math.max(0, share)) * 100)}%` }}
            />
          </div>
        </li>
      ))}
    </ul>
  )
}
