export const logsConformance = (_: unknown) => undefined
