export function kubernetesTargetId(context: string, namespace: string): string {
  return `kubernetes:${context}/${namespace}`
}

/** A context's name may hold slashes; a namespace's may not. */
export function parseKubernetesTargetId(id: string): {
  readonly context: string
  readonly namespace: string
} {
  const rest = id.replace(/^kubernetes:/, '')
  const slash = rest.lastIndexOf('/')
  return { context: rest.slice(0, slash), namespace: rest.slice(slash + 1) }
}
