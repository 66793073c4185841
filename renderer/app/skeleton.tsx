import styles from './skeleton.module.css'

/** The outline of a page while its code or its data comes. Shows itself only when that takes a moment. */
export function Skeleton() {
  return (
    <div className={styles.skeleton} role="status" aria-label="Loading">
      <div className={styles.title} />
      {[0, 1, 2, 3, 4].map((row) => (
        <div key={row} className={styles.row} />
      ))}
    </div>
  )
}
