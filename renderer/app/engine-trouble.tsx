import { useEffect } from 'react'
import type { EngineState } from '#contract'
import { callShell } from '../lib/bridge'
import { useConnection } from '../lib/engine'
import { notify, notifyProblem } from '../lib/notify'
import { ProblemView } from '../lib/problem-view'
import styles from './workbench.module.css'

/** Stands over every view while the engine is down and does not come back by itself. */
export function EngineTrouble() {
  const process = useConnection((state) => state.process)
  const connected = useConnection((state) => state.state === 'ready')
  useEffect(() => useConnection.subscribe((now, before) => tellOfCrash(now.process, before.process)), [])
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

/** A crash that heals by itself is over before it is read of; what ended with it stays ended, so it is told. */
function tellOfCrash(now: EngineState, before: EngineState): void {
  if (now.state !== 'crashed' || before.state === 'crashed' || now.retryInMilliseconds === undefined) return
  notify({
    tone: 'bad',
    title: now.problem.title,
    text: 'It is started again. Your workspaces go on, and terminals that they keep come back.',
    problem: now.problem,
  })
}
