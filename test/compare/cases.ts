import { TEST_IMAGES } from '../harness/images'

/** A repository with a definition, and where Berth is to differ from the dev container tool, with the reason. */
export interface Case {
  readonly definition: string
  readonly files: Readonly<Record<string, string>>
  /** Beginnings of the lines that `differences` gives, each with why it is so. */
  readonly known?: Readonly<Record<string, string>>
}

const image = TEST_IMAGES.debian

/** An image with {@link metadataLabel}, which whoever runs the cases has to make of the Debian one. */
export const METADATA_IMAGE = 'berth-test/compare-metadata'
export const metadataLabel = JSON.stringify([
  {
    remoteUser: 'dev',
    updateRemoteUserUID: false,
    remoteEnv: { BOTH: 'image', ONE: 'image' },
    containerEnv: { INNER: 'image', OUTER: 'image' },
    onCreateCommand: 'echo image-create >> /tmp/order',
    postCreateCommand: 'echo image >> /tmp/order',
  },
  { mounts: ['type=tmpfs,target=/from-image'], postCreateCommand: { second: 'echo second >> /tmp/order' } },
])
const json = (value: object) => JSON.stringify(value, null, 2)
const alone = (value: object, files: Readonly<Record<string, string>> = {}): Case => ({
  definition: '.devcontainer.json',
  files: { '.devcontainer.json': json(value), ...files },
})
const inFolder = (value: object, files: Readonly<Record<string, string>>): Case => ({
  definition: '.devcontainer/devcontainer.json',
  files: { '.devcontainer/devcontainer.json': json(value), ...files },
})

const feature = (id: string, more: object, script: string) => ({
  [`.devcontainer/${id}/devcontainer-feature.json`]: json({ id, version: '1.0.0', name: id, ...more }),
  [`.devcontainer/${id}/install.sh`]: `#!/bin/sh\nset -e\n${script}\n`,
})
const features = {
  ...feature(
    'hello',
    {
      options: { greeting: { type: 'string', default: 'hey' }, loud: { type: 'boolean', default: true } },
      containerEnv: { HELLO: '/hello:${PATH}' },
      postCreateCommand: 'echo hello >> /tmp/lifecycle',
      entrypoint: '/usr/local/bin/hello-entrypoint',
      installsAfter: ['./second'],
    },
    `env | grep -E '^(GREETING|LOUD|_REMOTE_USER|_CONTAINER_USER)' | sort > /tmp/hello.env
id -u > /tmp/hello.user
echo hello >> /tmp/install
printf '#!/bin/sh\\necho started > /tmp/entrypoint\\nexec "$@"\\n' > /usr/local/bin/hello-entrypoint
chmod +x /usr/local/bin/hello-entrypoint`,
  ),
  ...feature(
    'second',
    {
      options: { version: { type: 'string', proposals: ['1', '2'], default: '1' } },
      onCreateCommand: 'echo second-create >> /tmp/lifecycle',
      postCreateCommand: { only: 'echo second >> /tmp/lifecycle' },
    },
    'echo "$VERSION" > /tmp/second.version; echo second >> /tmp/install',
  ),
}

const starting = (id: string, more: object = {}) =>
  feature(
    id,
    { entrypoint: `/usr/local/bin/${id}`, ...more },
    `echo ${id} >> /tmp/install
printf '#!/bin/sh\\necho ${id} >> /tmp/started\\n' > /usr/local/bin/${id}
chmod +x /usr/local/bin/${id}`,
  )

/** By what each is about. */
export const cases: Readonly<Record<string, Case>> = {
  'the lifecycle of an image': alone({
    image,
    onCreateCommand: 'echo create $PWD >> order',
    updateContentCommand: ['sh', '-c', 'echo update >> order'],
    postCreateCommand: { first: ['sh', '-c', 'echo a > a'], second: 'echo b > b' },
    postStartCommand: 'echo start >> order; id -u >> order',
    postAttachCommand: 'echo attach >> order',
    waitFor: 'postAttachCommand',
  }),
  'a Dockerfile with a target and arguments': alone(
    {
      build: {
        dockerfile: 'docker/Dockerfile',
        context: '.',
        target: 'wanted',
        args: { VARIANT: '16-bullseye' },
        options: ['--label', 'of.build=yes'],
      },
    },
    {
      'docker/Dockerfile': `ARG VARIANT=none
FROM ${image} AS wanted
ARG VARIANT
ENV FROM_ARGUMENT=$VARIANT EMPTY= SPACES="a b  c"
COPY file /tmp/copied
USER dev
FROM wanted
RUN echo no > /tmp/unwanted
`,
      file: 'content\n',
    },
  ),
  environments: alone(
    {
      build: { dockerfile: 'Dockerfile' },
      containerEnv: {
        A: 'x y',
        FOLDER: '${containerWorkspaceFolder}',
        NAME: '${localWorkspaceFolderBasename}',
      },
      remoteEnv: {
        MY_PATH: '${containerEnv:PATH}:/more',
        FALLBACK: '${localEnv:BERTH_TEST_NOT_SET:fallback}',
        CONTAINER: '${containerEnv:BERTH_TEST_NOT_SET:other}',
      },
      postCreateCommand: 'tool > /tmp/tool; echo "$MY_PATH" > /tmp/path',
    },
    {
      Dockerfile: `FROM ${image}
RUN mkdir -p /opt/tool/bin && printf '#!/bin/sh\\necho tool\\n' > /opt/tool/bin/tool && chmod +x /opt/tool/bin/tool
ENV PATH=/opt/tool/bin:$PATH
`,
    },
  ),
  'what the files of a shell set': alone(
    {
      build: { dockerfile: 'Dockerfile' },
      remoteUser: 'dev',
      updateRemoteUserUID: false,
      postCreateCommand: 'echo "$FROM_PROFILE $FROM_BASHRC" > /tmp/probed',
    },
    {
      Dockerfile: `FROM ${image}
RUN echo 'export FROM_PROFILE=1' >> /home/dev/.profile \\
 && echo 'export FROM_ALL=2 PATH=$PATH:/from/profile' > /etc/profile.d/test.sh \\
 && sed -i '1i export FROM_BASHRC=3' /home/dev/.bashrc
`,
    },
  ),
  'no probe of the shell': alone({
    image,
    userEnvProbe: 'none',
    remoteUser: 'dev',
    updateRemoteUserUID: false,
  }),
  'a user for the container and one for the work': alone({
    image,
    containerUser: 'root',
    remoteUser: 'dev',
    updateRemoteUserUID: false,
    postCreateCommand: 'ps -o user= -p 1 > /tmp/first; id > /tmp/id',
  }),
  'a source elsewhere': alone(
    {
      image,
      workspaceMount: 'source=${localWorkspaceFolder},target=/work,type=bind,consistency=cached',
      workspaceFolder: '/work/sub',
      postCreateCommand: 'pwd > /tmp/pwd',
    },
    { 'sub/file': 'x' },
  ),
  'mounts and arguments': alone(
    {
      image,
      // Nothing puts the source there.
      workspaceFolder: '/srv',
      mounts: [
        'source=${localWorkspaceFolder}/data,target=/data,type=bind',
        { source: 'berth-test-compare-${devcontainerId}', target: '/volume', type: 'volume' },
        'type=tmpfs,target=/scratch',
      ],
      runArgs: [
        '-e',
        'FROM_ARGUMENTS=1',
        '--hostname=some-host',
        '-v',
        '${localWorkspaceFolder}/data:/second:ro',
      ],
      postCreateCommand:
        'pwd > /tmp/pwd; hostname > /tmp/hostname; touch /second/no 2>/dev/null || echo read-only > /tmp/second',
    },
    { 'data/file': '1' },
  ),
  Features: inFolder(
    {
      build: { dockerfile: 'Dockerfile' },
      remoteUser: 'dev',
      updateRemoteUserUID: false,
      features: { './hello': { greeting: 'hi' }, './second': '2' },
      postCreateCommand: 'echo own >> /tmp/lifecycle',
    },
    { '.devcontainer/Dockerfile': `FROM ${image}\nENV BASE=1\n`, ...features },
  ),
  'metadata of an image': alone({
    image: METADATA_IMAGE,
    remoteEnv: { BOTH: 'file' },
    containerEnv: { INNER: 'file' },
    postCreateCommand: 'echo own >> /tmp/order',
  }),
  'Compose with a service beside it': inFolder(
    {
      dockerComposeFile: 'docker-compose.yml',
      service: 'app',
      workspaceFolder: '/workspace',
      remoteUser: 'dev',
      updateRemoteUserUID: false,
    },
    {
      '.devcontainer/docker-compose.yml': `services:
  app:
    image: ${image}
    command: sleep infinity
    volumes: ["..:/workspace:cached"]
    environment: ["ONE=one", "TWO=two words"]
    labels: { of.compose: "yes" }
    network_mode: service:data
  data:
    image: ${image}
    command: sleep infinity
    volumes: ["data:/data"]
volumes: { data: }
`,
    },
  ),
  'Features that need each other, of a service that keeps its own command': inFolder(
    {
      dockerComposeFile: 'docker-compose.yml',
      service: 'app',
      workspaceFolder: '/workspace',
      features: { './all': {} },
      overrideFeatureInstallOrder: ['./zeta'],
      postCreateCommand: 'until grep -q own /tmp/started; do sleep 0.1; done; id -G > /tmp/groups',
    },
    {
      '.devcontainer/docker-compose.yml': `services:
  app:
    image: ${image}
    user: "1000:50"
    volumes: ["..:/workspace"]
    command: sh -c "echo own >> /tmp/started && exec sleep infinity"
`,
      ...starting('all', { dependsOn: { './alpha': {}, './zeta': {} } }),
      ...starting('alpha'),
      ...starting('zeta'),
    },
  ),
  'Compose with builds, several files and an environment file': inFolder(
    {
      dockerComposeFile: ['docker-compose.yml', 'docker-compose.override.yml'],
      service: 'app',
      runServices: ['other'],
      workspaceFolder: '/workspaces/app',
      overrideCommand: true,
    },
    {
      '.devcontainer/Dockerfile': `ARG BASE\nFROM ${image}\nARG BASE\nENV BASE=$BASE\nUSER dev\nWORKDIR /home/dev\nENTRYPOINT ["/bin/echo"]\n`,
      '.devcontainer/docker-compose.yml': `services:
  app:
    build: { context: .., dockerfile: .devcontainer/Dockerfile, args: { BASE: hello } }
    volumes: ["..:/workspaces/app"]
  other:
    image: ${image}
    command: sleep infinity
`,
      '.devcontainer/docker-compose.override.yml': `services:
  app:
    environment: { FROM_DOTENV: "\${GIVEN:-none}" }
    env_file: extra.env
    tmpfs: /scratch
    user: root
`,
      '.devcontainer/extra.env': 'FROM_FILE=1\n',
      '.devcontainer/.env': 'GIVEN=dotenv\n',
    },
  ),
}
