/**
 * Names of the fields that each object of a devfile may have (devfile.io, JSON schema 2.3.0), and of the older
 * versions from 2.0.0 on.
 */
export const devfileFields = {
  devfile: [
    'schemaVersion',
    'metadata',
    'attributes',
    'variables',
    'parent',
    'components',
    'commands',
    'events',
    'projects',
    'starterProjects',
    'dependentProjects',
  ],
  metadata: [
    'name',
    'version',
    'attributes',
    'displayName',
    'description',
    'tags',
    'architectures',
    'icon',
    'globalMemoryLimit',
    'projectType',
    'language',
    'website',
    'provider',
    'supportUrl',
  ],
  parent: [
    'uri',
    'id',
    'kubernetes',
    'registryUrl',
    'version',
    'attributes',
    'variables',
    'components',
    'commands',
    'projects',
    'starterProjects',
    'dependentProjects',
  ],
  parentKubernetes: ['name', 'namespace'],
  container: [
    'image',
    'env',
    'volumeMounts',
    'memoryLimit',
    'memoryRequest',
    'cpuLimit',
    'cpuRequest',
    'mountSources',
    'sourceMapping',
    'command',
    'args',
    'dedicatedPod',
    'endpoints',
    'annotation',
  ],
  annotation: ['deployment', 'service'],
  environment: ['name', 'value'],
  volumeMount: ['name', 'path'],
  endpoint: ['name', 'targetPort', 'exposure', 'protocol', 'secure', 'path', 'attributes', 'annotation'],
  volume: ['size', 'ephemeral'],
  cluster: ['uri', 'inlined', 'deployByDefault', 'endpoints'],
  image: ['imageName', 'dockerfile', 'autoBuild'],
  dockerfile: ['uri', 'git', 'devfileRegistry', 'buildContext', 'args', 'rootRequired'],
  devfileRegistry: ['id', 'registryUrl'],
  dockerfileGit: ['remotes', 'checkoutFrom', 'fileLocation'],
  exec: ['commandLine', 'component', 'workingDir', 'env', 'hotReloadCapable', 'label', 'group'],
  apply: ['component', 'label', 'group'],
  composite: ['commands', 'parallel', 'label', 'group'],
  group: ['kind', 'isDefault'],
  events: ['preStart', 'postStart', 'preStop', 'postStop'],
  // The last of these two, and `sparseCheckoutDirs`, are of 2.0.0 alone.
  project: ['name', 'git', 'zip', 'clonePath', 'attributes', 'sparseCheckoutDirs', 'github'],
  starterProject: ['name', 'git', 'zip', 'subDir', 'description', 'attributes', 'github'],
  git: ['remotes', 'checkoutFrom'],
  checkoutFrom: ['remote', 'revision'],
  zip: ['location'],
} as const satisfies Record<string, readonly string[]>

/** What a component can be. The last two are of early versions and of clusters, and no devfile has them today. */
export const componentKinds = [
  'container',
  'kubernetes',
  'openshift',
  'volume',
  'image',
  'plugin',
  'custom',
] as const

/** What a command can be; the same of the last three. */
export const commandKinds = ['exec', 'apply', 'composite', 'vscodeTask', 'vscodeLaunch', 'custom'] as const
export type CommandKind = (typeof commandKinds)[number]

export const exposures = ['public', 'internal', 'none'] as const
export const protocols = ['http', 'https', 'ws', 'wss', 'tcp', 'udp'] as const
export const groupKinds = ['build', 'run', 'test', 'debug', 'deploy'] as const
export const architectures = ['amd64', 'arm64', 'ppc64le', 's390x'] as const
