export const filesConformance = (_: unknown) => undefined
