import type { Sockets } from '#contract'
import styles from './ports.module.css'

/** What else listens: shown, so that nobody looks for it in vain, and quiet, as nothing can be done with it here. */
export function OtherList({ sockets }: { readonly sockets: Sockets }) {
  return (
    <section className={styles.others} aria-labelledby="also-listening">
      <h3 id="also-listening" className={styles.othersTitle}>
        Also listening
      </h3>
      <p className={styles.soft}>
        Not forwarded: a forward carries TCP connections, and these are UDP and unix sockets. Programs in the
        workspace reach them.
      </p>
      <ul className={styles.otherList} aria-label="Also listening">
        {sockets.listeners.map(({ kind, address, process }) => (
          <li key={`${kind} ${address}`} className={styles.other}>
            <span className={styles.kind}>{kind === 'udp' ? 'UDP' : 'Unix'}</span>
            <span className={styles.local} title={address}>
              {address}
            </span>
            <span
              className={styles.soft}
              title={process ? `${process.command} (process ${process.pid})` : undefined}
            >
              {process?.name ?? 'Process not known'}
            </span>
          </li>
        ))}
      </ul>
      {sockets.more > 0 ? <p className={styles.soft}>And {sockets.more} more.</p> : null}
    </section>
  )
}
