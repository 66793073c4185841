import type { BuildAsks } from '#contract'
import type { GrantsDraft } from '../../lib/build-grants'
import { BuildGrantsFields } from '../../lib/build-grants-fields'
import styles from './asks.module.css'

interface BuildSectionProps {
  readonly asks: BuildAsks
  readonly draft: GrantsDraft
  readonly onChange: (draft: GrantsDraft) => void
}

/** What the build of the image may have of this machine. */
export function BuildSection(props: BuildSectionProps) {
  return (
    <fieldset className={styles.section}>
      <legend className={styles.legend}>What its build may have of this machine</legend>
      <p className={styles.about}>
        Nothing, unless you say so. What you give is not stored: a rebuild asks for it again.
      </p>
      <BuildGrantsFields {...props} />
    </fieldset>
  )
}
