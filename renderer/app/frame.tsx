import { useEffect, useState } from 'react'
import { handleKey } from '../lib/commands'
import { ErrorBoundary } from './error-boundary'
import styles from './frame.module.css'
import { part } from './part'
import { Sidebar } from './sidebar'
import { Skeleton } from './skeleton'

/** Everything but the frame: the component library, the features, the dialogs. */
const { View: Workbench } = part(
  () => import('./workbench'),
  (module) => module.Workbench,
  <Skeleton />,
)

/** The window's frame: navigation at once, the rest when its code has come. */
export function Frame() {
  const [painted, setPainted] = useState(false)
  useEffect(() => {
    // The second frame begins when the first one has been painted.
    let frame = requestAnimationFrame(() => {
      frame = requestAnimationFrame(() => {
        if (performance.getEntriesByName('berth:first-paint').length === 0) {
          performance.mark('berth:first-paint')
        }
        setPainted(true)
      })
    })
    return () => cancelAnimationFrame(frame)
  }, [])
  useEffect(() => {
    // Capturing: a terminal would otherwise see the key first.
    window.addEventListener('keydown', handleKey, { capture: true })
    return () => window.removeEventListener('keydown', handleKey, { capture: true })
  }, [])
  return (
    <div className={styles.frame}>
      <a href="#content" className={styles.skip}>
        Go to content
      </a>
      <Sidebar />
      <main id="content" className={styles.content} tabIndex={-1}>
        <ErrorBoundary what="This view">{painted ? <Workbench /> : <Skeleton />}</ErrorBoundary>
      </main>
    </div>
  )
}
