const home = 'ghcr.io/devcontainers/features'

/** Features that had no registry once, and where they are now. */
const moved: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    [
      'aws-cli',
      'azure-cli',
      'common-utils',
      'desktop-lite',
      'docker-from-docker',
      'docker-in-docker',
      'dotnet',
      'git',
      'git-lfs',
      'github-cli',
      'go',
      'java',
      'kubectl-helm-minikube',
      'node',
      'powershell',
      'python',
      'ruby',
      'rust',
      'sshd',
      'terraform',
    ].map((id) => [id, id]),
  ),
  golang: 'go',
  common: 'common-utils',
}

/** Features that became an option of another one. */
const absorbed: Readonly<Record<string, readonly [feature: string, option: string]>> = {
  maven: ['java', 'installMaven'],
  gradle: ['java', 'installGradle'],
  jupyterlab: ['python', 'installJupyterlab'],
}

/** `owner/repository/id[@tag]`: a file of a release on GitHub. An owner's name has no dot, so none is a registry. */
const release = /^([\w-]+)\/([\w.-]+)\/([\w-]+)(?:@([\w.+-]+))?$/

/** Its releases are gone; its Features have moved. */
const closed = /^(?:microsoft\/)?vscode-dev-containers\//i

export interface CurrentFeature {
  readonly reference: string
  /** It became an option of that Feature, which is to be true. */
  readonly option?: string
}

/**
 * Where a Feature is today that is named as it was before Features had registries; undefined for any other text. The
 * dev container tool takes these names as well, so repositories still have them.
 */
export function currentFeature(text: string): CurrentFeature | undefined {
  const id = closed.test(text) ? text.replace(/^.*\//, '').replace(/@.*$/, '') : text
  if (Object.hasOwn(moved, id)) return { reference: `${home}/${moved[id]}:1` }
  const option = Object.hasOwn(absorbed, id) ? absorbed[id] : undefined
  if (option) return { reference: `${home}/${option[0]}:1`, option: option[1] }
  const [, owner, repository, name, tag] = (!closed.test(text) && release.exec(text)) || []
  if (name === undefined || owner === 'localhost') return undefined
  const version = tag === undefined || tag === 'latest' ? 'latest/download' : `download/${tag}`
  return { reference: `https://github.com/${owner}/${repository}/releases/${version}/${name}.tgz` }
}
