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
  'hostRequirements',
  'userEnvProbe',
  'updateRemoteUserUID',
  'customizations',
  'extensions',
  'settings',
] as const

/** The known fields that it does not, each with the reason that the user is told. */
export const refusedFields: Readonly<Record<string, string>> = {
  secrets:
    'secrets are not asked for; set them as variables of your own environment and refer to them with localEnv',
  privileged: 'workspaces do not get all rights on the machine that runs them',
  capAdd: 'workspaces do not get extra kernel capabilities',
  securityOpt: "workspaces keep the engine's own security profile",
  devPort: 'editors that Berth opens come by SSH and need no port of their own',
  appPort: 'nothing is published; ports are forwarded as soon as something listens. Use forwardPorts instead',
  runArgs: 'arguments of the docker command line are not passed on',
  shutdownAction: 'workspaces run until you stop them, whether or not a window is open',
}

/** Fields that say nothing about the workspace. */
export const silentFields: readonly string[] = ['$schema', '$comment', '//']
