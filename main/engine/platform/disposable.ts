/** Undoes what was started. Calling it twice does nothing more. Never throws. */
export type Disposer = () => void | Promise<void>

/** Collects disposers and runs them in reverse. */
export class DisposableStack {
  #disposers: Disposer[] = []
  #disposed = false

  /** Adds a disposer and returns it; after `dispose` it is run at once. */
  add(disposer: Disposer): void {
    if (this.#disposed) void disposer()
    else this.#disposers.push(disposer)
  }

  get disposed(): boolean {
    return this.#disposed
  }

  async dispose(): Promise<void> {
    if (this.#disposed) return
    this.#disposed = true
    for (const disposer of this.#disposers.reverse()) await disposer()
    this.#disposers = []
  }
}
