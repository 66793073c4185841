export const lifecycleConformance = (_: unknown) => undefined
