import { writeFile } from 'node:fs/promises'

export interface KubeconfigEntry {
  /** Of the cluster, the context and, before a slash, the user. */
  readonly name: string
  /** What a kubeconfig says of a cluster: `server`, `certificate-authority-data`, … */
  readonly cluster: Readonly<Record<string, unknown>>
  readonly user: string
  readonly token: string
  readonly namespace?: string
}

/** Writes a kubeconfig with one context, readable by its owner alone. */
export async function writeKubeconfig(path: string, entry: KubeconfigEntry): Promise<void> {
  const { name, cluster, user, token, namespace } = entry
  // A line of JSON is YAML.
  const text = `apiVersion: v1
kind: Config
clusters:
- name: ${name}
  cluster: ${JSON.stringify(cluster)}
users:
- name: ${name}/${user}
  user:
    token: ${token}
contexts:
- name: ${name}
  context:
    cluster: ${name}
    user: ${name}/${user}
${namespace ? `    namespace: ${namespace}\n` : ''}current-context: ${name}
`
  await writeFile(path, text, { mode: 0o600 })
}
