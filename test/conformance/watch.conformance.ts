export const watchConformance = (_: unknown) => undefined
