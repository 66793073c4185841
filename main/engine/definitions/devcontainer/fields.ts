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
] as const

/** The known fields that it does not, each with the reason that the user is told. */
export const refusedFields: Readonly<Record<string, string>> = {
  updateRemoteUserUID: 'the user keeps the uid that the image gives it',
  userEnvProbe: 'terminals run a login shell, which reads the profile itself; other commands do without',
  hostRequirements: 'the target is not checked against it',
  customizations: 'these are settings for an editor, and Berth is none',
  extensions: 'these are settings for an editor, and Berth is none',
  settings: 'these are settings for an editor, and Berth is none',
  devPort: 'this is a setting for an editor, and Berth is none',
  appPort: 'nothing is published; ports are forwarded as soon as something listens. Use forwardPorts instead',
  shutdownAction: 'workspaces run until you stop them, whether or not a window is open',
}

/** Fields that say nothing about the workspace. */
export const silentFields: readonly string[] = ['$schema', '$comment', '//']
