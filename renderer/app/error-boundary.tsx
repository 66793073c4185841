import { Component, type ErrorInfo, type ReactNode } from 'react'
import { callShell } from '../lib/bridge'
import styles from './error-boundary.module.css'

interface ErrorBoundaryProps {
  /** What broke, at the beginning of a sentence. */
  readonly what: string
  readonly children: ReactNode
}

interface ErrorBoundaryState {
  readonly error: Error | undefined
}

/**
 * Keeps a defect in one part of the window to that part. Plain elements only: the component library may be what
 * broke.
 */
export class ErrorBoundary extends Component<ErrorBoundaryProps, ErrorBoundaryState> {
  override state: ErrorBoundaryState = { error: undefined }

  static getDerivedStateFromError(error: unknown): ErrorBoundaryState {
    return { error: error instanceof Error ? error : new Error(String(error)) }
  }

  override componentDidCatch(error: Error, info: ErrorInfo): void {
    console.error(error, info.componentStack)
  }

  override render(): ReactNode {
    const { error } = this.state
    if (!error) return this.props.children
    const detail = error.stack ?? error.message
    return (
      <div className={styles.broken} role="alert">
        <h2 className={styles.title}>{this.props.what} broke</h2>
        <p className={styles.text}>
          This is a defect in Berth’s window. Your workspaces and terminals are not touched by it.
        </p>
        <div className={styles.actions}>
          <button type="button" className={styles.button} onClick={() => this.setState({ error: undefined })}>
            Show it again
          </button>
          <button type="button" className={styles.button} onClick={() => window.location.reload()}>
            Reload the window
          </button>
          <button
            type="button"
            className={styles.button}
            onClick={() => void callShell('shell.writeClipboard', { text: detail })}
          >
            Copy detail
          </button>
        </div>
        <pre className={styles.detail}>{detail}</pre>
      </div>
    )
  }
}
