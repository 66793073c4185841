import { callShell } from '../lib/bridge'
import { useConnection } from '../lib/engine'
import { notifyProblem } from '../lib/notify'
import { ProblemView } from '../lib/problem-view'
import styles from './workbench.module.css'

/** Stands over every view while the engine is down and does not come back by itself. */
export function EngineTrouble() {
  const process = useConnection((state) => state.process)
  const connected = useConnection((state) => state.state === 'ready')
  if (connected || process.state !== 'crashed' || process.retryInMilliseconds !== undefined) return null
  const restart = async () => {
    const result = await callShell('shell.restartEngine', {})
    if (!result.ok) notifyProblem(result.problem)
  }
  return (
    <div className={styles.trouble}>
      <ProblemView problem={process.problem} onRetry={() => void restart()} />
    </div>
  )
}
