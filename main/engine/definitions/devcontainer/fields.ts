import type { Value } from '../document/value'

/** Fields of devcontainer.json (containers.dev, "devcontainer.json reference") that Berth applies. */
export const appliedFields = [
  'name',
  'image',
  'build',
  'dockerFile',
  'context',
  'dockerComposeFile',
  'service',
  'runServices',
  'workspaceFolder',
  'workspaceMount',
  'containerEnv',
  'remoteEnv',
  'remoteUser',
  'containerUser',
  'forwardPorts',
  'appPort',
  'portsAttributes',
  'otherPortsAttributes',
  'mounts',
  'init',
  'privileged',
  'capAdd',
  'securityOpt',
  'runArgs',
  'overrideCommand',
  'initializeCommand',
  'onCreateCommand',
  'updateContentCommand',
  'postCreateCommand',
  'postStartCommand',
  'postAttachCommand',
  'waitFor',
  'features',
  'overrideFeatureInstallOrder',
  'secrets',
  'hostRequirements',
  'userEnvProbe',
  'updateRemoteUserUID',
  'customizations',
  'extensions',
  'settings',
] as const

/** The known fields that it does not, each with the reason that the user is told. */
export const refusedFields: Readonly<Record<string, string>> = {
  devPort: 'editors that Berth opens come by SSH and need no port of their own',
  // Proposals: devcontainers/cli#311, and a field of its test configurations.
  extends: 'it is a proposal only, which no released tool follows; say here what the other file says',
  dockerfilePreprocessor: 'it is a proposal only; the Dockerfile is built as it is',
  shutdownAction: 'workspaces run until you stop them, whether or not a window is open',
}

/** Fields that say nothing about the workspace. */
export const silentFields: readonly string[] = ['$schema', '$comment', '//']

/** An empty text in these says the same as nothing, to every tool. */
const emptyFields: readonly string[] = [
  'name',
  'remoteUser',
  'containerUser',
  'workspaceFolder',
  'userEnvProbe',
  'waitFor',
]

/** Objects for which an empty list says the same as nothing, to every tool. */
const emptyObjects: readonly string[] = [
  'containerEnv',
  'customizations',
  'features',
  'hostRequirements',
  'portsAttributes',
  'remoteEnv',
  'secrets',
  'settings',
]

/** Whether a field that is written says nothing. */
export function isAbsent(name: string, value: Value): boolean {
  if (value.type === 'null') return true
  const isEmpty =
    (emptyFields.includes(name) && value.type === 'string' && value.node.value === '') ||
    (emptyObjects.includes(name) && value.type === 'array' && value.node.children?.length === 0)
  if (isEmpty) value.skip()
  return isEmpty
}
