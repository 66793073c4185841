/** Milliseconds that a test waits for what must come: a bound for what hangs. A busy machine takes its time. */
export const PATIENCE = 50_000
