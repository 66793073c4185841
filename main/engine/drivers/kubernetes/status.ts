/** The HTTP status that the API server answered with; undefined where it did not answer. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof Error && 'status' in error && typeof error.status === 'number'
    ? error.status
    : undefined
}

export function isStatus(error: unknown, ...statuses: number[]): boolean {
  const status = statusOf(error)
  return status !== undefined && statuses.includes(status)
}
