import { TEST_IMAGES } from '../../harness/images'
import type { Allowed } from './allowed'

/** A repository that is brought up on both kinds of targets. */
export interface DriverCase {
  readonly files: Readonly<Record<string, string>>
  /** Where it differs, beside {@link allowedEverywhere}. */
  readonly allowed?: readonly Allowed[]
  /** Other folders that are looked at. */
  readonly folders?: readonly string[]
  /** Fields that are named as not applied on the cluster alone. */
  readonly namedOnCluster?: readonly string[]
  /** A folder, which is copied, in place of a git repository. */
  readonly isFolder?: boolean
  readonly hasDotfiles?: boolean
  /** So, for `sh`, once what runs beside the workspace's start has done its part: looked at no earlier. */
  readonly ready?: string
  /** What else is looked at, run by `sh`, before and after the workspace was started again. */
  readonly ask?: string
}

const { debian, alpine } = TEST_IMAGES

/** Of volumes: an engine leaves to root what the image does not have, and nobody else can write there. */
const open = (path: RegExp): Allowed => ({
  subject: path,
  why: "all containers of a pod may write to the workspace's volumes, whoever they run as",
})
const memory = (path: RegExp): Allowed => ({
  subject: path,
  why: "a tmpfs of a pod belongs to the volumes' group",
})
const json = (value: object) => JSON.stringify(value, null, 2)

/** Notes in the home, which outlives a start, who ran what and how. */
const note = (what: string) =>
  `mkdir -p ~/seen && echo "${what} $(id -un) $PWD $(umask) $HOME \${TOOL:-no} \${BOTH:-no}" >> ~/seen/order`

const lifecycle = {
  onCreateCommand: note('create'),
  updateContentCommand: ['sh', '-c', note('update')],
  postCreateCommand: {
    first: [
      'sh',
      '-c',
      'mkdir -p ~/seen && env | grep -E "^(PATH|TOOL|BOTH|LANG|HOME|USER|SHELL)=" | sort > ~/seen/env',
    ],
    second: 'mkdir -p ~/seen && [ -t 0 ] || wc -c > ~/seen/input',
  },
  postStartCommand: note('start'),
  postAttachCommand: note('attach'),
}

const feature = (id: string, more: object, script: string) => ({
  [`.devcontainer/${id}/devcontainer-feature.json`]: json({ id, version: '1.0.0', name: id, ...more }),
  [`.devcontainer/${id}/install.sh`]: `#!/bin/sh\nset -e\n${script}\n`,
})

/** By what each is about. */
export const driverCases: Readonly<Record<string, DriverCase>> = {
  'an image with all of a devcontainer.json': {
    isFolder: true,
    hasDotfiles: true,
    namedOnCluster: ['hostname', 'label of.test', 'ulimit nofile', 'memory'],
    files: {
      '.devcontainer.json': json({
        name: 'All of it',
        image: debian,
        remoteUser: 'dev',
        initializeCommand: 'echo here >> initialized',
        ...lifecycle,
        waitFor: 'postCreateCommand',
        containerEnv: {
          NAME: '${localWorkspaceFolderBasename}',
          FOLDER: '${containerWorkspaceFolder}',
          OWN: '${devcontainerId}',
          QUOTES: `it's "$(HOME)" $$x \\ \`id\``,
          LINES: 'a\nb',
          EMPTY: '',
          UNICODE: 'ünï 世界',
          TZ: 'Europe/Zurich',
        },
        remoteEnv: {
          BOTH: 'x-${containerEnv:NAME}-${containerEnv:NOT_SET:other}',
          MY_PATH: '/first:${containerEnv:PATH}',
          HOST: '${localEnv:FROM_HERE:none}',
          LANG: 'C',
        },
        mounts: [
          'type=tmpfs,target=/scratch',
          { type: 'volume', source: 'berth-test-cache-${devcontainerId}', target: '/cache' },
          'type=volume,source=berth-test-modules-${devcontainerId},target=${containerWorkspaceFolder}/node_modules',
          'type=volume,source=berth-test-history-${devcontainerId},target=/home/dev/.history/deep',
        ],
        runArgs: [
          ...['--shm-size=128m', '--init', '-e', 'FROM_ARGUMENTS=1', '--add-host=other.test:10.1.2.3'],
          ...['--hostname=own', '--label', 'of.test=yes', '--ulimit=nofile=1000:1000', '--memory=1g'],
        ],
        forwardPorts: [8501, 'db:5432'],
        portsAttributes: {
          '8501': { label: 'App', onAutoForward: 'openBrowser' },
          '9000-9010': { onAutoForward: 'ignore' },
        },
        secrets: { TOKEN: { description: 'A token' } },
        hostRequirements: { cpus: 1 },
        customizations: { vscode: { extensions: ['a.b'], settings: { x: 1 } } },
      }),
      'run.sh': '#!/bin/sh\necho ran\n',
      'sub folder/ünï.txt': 'text',
      '.hidden': '',
    },
    folders: ['/scratch', '/cache'],
    allowed: [
      open(/^file (?:\/cache|\/home\/dev\/\.history\/deep|\/workspaces\/app\/node_modules)$/),
      memory(/^file \/scratch$/),
      { subject: /^limits$/, why: 'named as not applied' },
      { subject: /^shared memory$/, why: 'nodes before 1.22 give it no size, and half of the memory' },
    ],
  },

  'a Dockerfile with Features and what its image says': {
    files: {
      '.devcontainer/devcontainer.json': json({
        build: { dockerfile: 'Dockerfile', context: '..', args: { WHO: 'dev' } },
        features: { './tool': { greeting: "it's hi", loud: false }, './second': '2' },
        remoteEnv: { BOTH: 'file', WITH_TOOL: '${containerEnv:TOOL}/more' },
        mounts: ['type=volume,source=berth-test-filled-${devcontainerId},target=/opt/filled'],
        ...lifecycle,
      }),
      '.devcontainer/Dockerfile': `FROM ${alpine}
ARG WHO
COPY greeting /greeting
ENV PATH=/opt/tool/bin:$PATH EMPTY= SPACES="a b  c"
RUN mkdir -p /opt/tool/bin /opt/filled/deep && printf '#!/bin/sh\\necho tool\\n' > /opt/tool/bin/tool && chmod 755 /opt/tool/bin/tool \\
 && echo filled > /opt/filled/deep/file && ln -s deep/file /opt/filled/link && chown -R $WHO:$WHO /opt/filled && chmod 750 /opt/filled/deep \\
 && echo 'export FROM_ETC=profile PATH=/usr/bin:/bin:/from/profile' > /etc/profile && echo 'export FROM_HOME=profile' > /home/dev/.profile \\
 && mkdir -m 700 /home/dev/.private && echo secret > /home/dev/.private/key && chmod 600 /home/dev/.private/key \\
 && ln -s .private/key /home/dev/key && chown -hR dev:dev /home/dev && echo roots > /home/dev/roots \\
 && echo 'extra:x:2345:nobody,dev' >> /etc/group
USER dev
WORKDIR /opt
LABEL devcontainer.metadata='[{"remoteUser":"dev","remoteEnv":{"BOTH":"image","ONE":"image"},"onCreateCommand":"mkdir -p ~/seen; echo image $PWD >> ~/seen/order","waitFor":"postStartCommand"}]'
`,
      greeting: 'hello\n',
      ...feature(
        'tool',
        {
          options: { greeting: { type: 'string', default: 'hey' }, loud: { type: 'boolean', default: true } },
          containerEnv: { TOOL: '/opt/tool', PATH: '/from/feature:${PATH}' },
          mounts: [{ source: 'berth-test-tool-${devcontainerId}', target: '/var/lib/tool', type: 'volume' }],
          entrypoint: '/usr/local/bin/tool-entrypoint',
          postCreateCommand: 'mkdir -p ~/seen; echo feature >> ~/seen/order',
          postStartCommand: 'echo feature-start >> ~/seen/order',
          installsAfter: ['./second'],
        },
        `env | grep -E '^(GREETING|LOUD|_REMOTE_USER|_CONTAINER_USER)' | sort > /tmp/tool.env
id -un > /tmp/tool.user
mkdir -p /usr/local/bin
printf '#!/bin/sh\\n{ echo "entered $(id -un) $PWD"; } >> /tmp/entrypoint\\nexec "$@"\\n' > /usr/local/bin/tool-entrypoint
chmod +x /usr/local/bin/tool-entrypoint`,
      ),
      ...feature(
        'second',
        { options: { version: { type: 'string', default: '1' } } },
        'echo "$VERSION" > /tmp/second',
      ),
    },
    folders: ['/opt', '/opt/filled', '/var/lib/tool', '/greeting'],
    allowed: [
      open(/^file \/(?:opt\/filled|var\/lib\/tool)$/),
      {
        subject: /^file \/home\/dev\/roots$/,
        why: 'all of a pod runs as its user, who cannot give files to root',
      },
    ],
  },

  "an image's own entry point and command": {
    files: {
      '.devcontainer.json': json({
        build: { dockerfile: 'Dockerfile' },
        overrideCommand: false,
        remoteUser: 'dev',
        workspaceMount: 'source=${localWorkspaceFolder},target=/work,type=bind',
        workspaceFolder: '/work/sub',
        postCreateCommand: note('post'),
      }),
      Dockerfile: `FROM ${alpine}
RUN printf '#!/bin/sh\\necho "entered $(id -un) $PWD $*" > /tmp/entered\\n[ -t 0 ] && echo terminal >> /tmp/entered\\nexec "$@"\\n' > /enter && chmod 755 /enter
WORKDIR /srv
ENTRYPOINT ["/enter"]
CMD ["sh", "-c", "echo \\"command $GIVEN\\" > /tmp/command; exec sleep 100000"]
ENV GIVEN=given
`,
      'sub/file': 'x',
    },
    ready: 'test -s /tmp/command',
  },

  'an image of busybox, as root': {
    files: {
      '.devcontainer.json': json({
        image: alpine,
        userEnvProbe: 'none',
        remoteEnv: { BOTH: '${containerEnv:PATH}:/more' },
        ...lifecycle,
      }),
      'run.sh': '#!/bin/sh\necho ran\n',
    },
  },

  '.gitpod.yml': {
    files: {
      '.gitpod.yml': `image: ${debian}
checkoutLocation: elsewhere
workspaceLocation: elsewhere/sub
env: { NAMED: "a b", BOTH: gitpod }
tasks:
  - name: Build
    before: mkdir -p ~/seen; echo "before $PWD" >> ~/seen/build
    init: echo init >> ~/seen/build
    command: echo "command $ONE $(id -un)" >> ~/seen/build
    env: { ONE: "1", TWO: { a: 1 } }
  - init: mkdir -p ~/seen; echo second >> ~/seen/second
    command: echo two >> ~/seen/second
    openMode: split-right
ports:
  - port: 3000
    name: Web
    onOpen: open-browser
  - port: 8000-8005
    onOpen: ignore
vscode: { extensions: [a.b] }
`,
      'sub/file': 'x',
    },
  },

  'a devfile with two containers': {
    files: {
      'devfile.yaml': `schemaVersion: 2.2.2
metadata: { name: app }
variables: { word: hello }
components:
  - name: tools
    container:
      image: ${debian}
      memoryRequest: 64Mi
      env: [{ name: WORD, value: "{{word}} $(PROJECT_SOURCE)" }, { name: BOTH, value: devfile }]
      endpoints:
        - { name: web, targetPort: 8080, exposure: public, protocol: https }
        - { name: inner, targetPort: 8081, exposure: none }
      volumeMounts: [{ name: shared, path: /shared }]
  - name: data
    container:
      image: ${debian}
      mountSources: false
      command: [sh, -c]
      args: ['echo "$OWN $(id -un) $PWD" > /shared/data; umask >> /shared/data; cd /shared && trap "exit 0" TERM; python3 -m http.server 7070 --bind 127.0.0.1 & wait']
      env: [{ name: OWN, value: own }]
      volumeMounts: [{ name: shared, path: /shared }]
  - name: shared
    volume: { size: 1Gi }
commands:
  - id: one
    exec: { component: tools, commandLine: 'mkdir -p ~/seen; echo "one $PWD $WORD" >> ~/seen/order', workingDir: '\${PROJECT_SOURCE}/sub' }
  - id: two
    exec: { component: tools, commandLine: 'echo "two $EXTRA" >> ~/seen/order', env: [{ name: EXTRA, value: 'x' }] }
  - id: both
    composite: { commands: [one, two], parallel: false }
events: { postStart: [both] }
`,
      'sub/file': 'x',
    },
    folders: ['/shared'],
    allowed: [open(/^file \/shared$/)],
    ready: 'curl -sf http://localhost:7070/data',
    ask: 'curl -sf http://localhost:7070/data',
  },

  'Compose with health, an environment file and volumes': {
    files: {
      '.devcontainer/devcontainer.json': json({
        dockerComposeFile: 'compose.yml',
        service: 'app',
        workspaceFolder: '/workspaces/app',
        remoteUser: 'dev',
        containerEnv: { FROM_JSON: 'json' },
        postCreateCommand: note('post'),
      }),
      '.devcontainer/compose.yml': `services:
  app:
    image: ${debian}
    command: sleep infinity
    volumes: ['..:/workspaces/app:cached', 'shared:/shared', './conf:/etc/app-conf:ro']
    environment: { ONE: "\${GIVEN:-none}", DOLLAR: "$$HOME $$(id)" }
    env_file: extra.env
    depends_on: { db: { condition: service_healthy } }
    tmpfs: /scratch
  db:
    image: ${debian}
    user: dev
    working_dir: /srv
    command: ['sh', '-c', 'mkdir /tmp/db; exec >/tmp/db/mine; id; pwd; umask; env | grep -E "^(OWN|HOME)"; cd /tmp/db; trap "exit 0" TERM; python3 -m http.server 7071 --bind 127.0.0.1 2>/dev/null & wait']
    environment: { OWN: "a b" }
    volumes: ['data:/var/data']
    healthcheck: { test: ['CMD', 'curl', '-sf', 'http://localhost:7071/mine'], interval: 1s }
  writer:
    image: ${debian}
    command: ['sh', '-c', 'test -s /shared/here || { id -un > /shared/writer; cat /var/data/* >> /shared/writer; ls /here > /shared/here; }; trap "exit 0" TERM; sleep 100000 & wait']
    depends_on: { db: { condition: service_healthy } }
    volumes: ['shared:/shared', '..:/here', 'data:/var/data:ro']
volumes: { shared: , data: }
`,
      '.devcontainer/extra.env': 'FROM_FILE="quoted value"\n',
      '.devcontainer/.env': 'GIVEN=dotenv\n',
      '.devcontainer/conf/app.conf': 'configured\n',
    },
    folders: ['/shared', '/etc/app-conf', '/scratch'],
    allowed: [
      open(/^file \/shared$/),
      memory(/^file \/scratch$/),
      {
        subject: /^(?:file|mount) \/etc\/app-conf(?:\/|$)/,
        why: 'an engine mounts no part of a volume: a link leads to it',
      },
    ],
    ready: 'test -s /shared/here && curl -sf http://db:7071/mine',
    ask: 'curl -sf http://db:7071/mine',
  },
}
