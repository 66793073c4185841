import { describe, expect, test } from 'vitest'
import { readDefinition } from '../index'
import { memoryReader, testContext } from '../memory-reader.test-helper'
import { container, read, reasonOf, refused } from './reading.test-helper'

describe('where devfiles are found', () => {
  test('devfile.yaml comes before the hidden one, and both before a Dockerfile and after devcontainer.json', async () => {
    const text = `schemaVersion: 2.2.0\n${container}`
    const files = { '.devfile.yaml': text, 'devfile.yaml': text, Dockerfile: 'FROM x' }
    const found = await readDefinition(memoryReader(files), testContext)
    expect(found.candidates).toEqual(['devfile.yaml', '.devfile.yaml', 'Dockerfile'])
    expect(found.definition).toMatchObject({ format: 'devfile', path: 'devfile.yaml' })
    const both = memoryReader({ ...files, '.devcontainer.json': '{"image": "x"}' })
    expect((await readDefinition(both, testContext)).definition.format).toBe('devcontainer')
  })

  test.each(['.devfile.yml', 'tools/go.devfile.yaml', 'a/devfile-2.yaml'])(
    '%s can be chosen',
    async (path) => {
      const reader = memoryReader({ [path]: `schemaVersion: 2.2.0\n${container}` })
      expect((await readDefinition(reader, testContext, path)).definition).toMatchObject({
        path,
        image: 'debian',
      })
    },
  )

  test('one that is chosen and not there is told', async () => {
    await expect(readDefinition(memoryReader({}), testContext, 'devfile.yaml')).rejects.toMatchObject({
      problem: { code: 'definition-invalid', title: 'There is no devfile.yaml' },
    })
  })
})

describe('versions', () => {
  test.each(['2.0.0', '2.1.0', '2.2.2', '2.3.0', '2.2.0-alpha'])('%s is read', async (version) => {
    expect((await read(`schemaVersion: ${version}\n${container}`)).notApplied).toEqual([])
  })

  test('a later one of the same kind is read, and says so', async () => {
    const definition = await read(`schemaVersion: 2.9.0\n${container}`)
    expect(reasonOf(definition, 'schemaVersion')).toMatch(/newer/)
  })

  test.each(['schemaVersion: 1.0.0', 'apiVersion: 1.0.0\n#schemaVersion', 'schemaVersion: 3.0.0'])(
    '%s is of another kind',
    async (text) => {
      expect(await refused(`${text}\n`)).toMatchObject({
        code: 'definition-unsupported',
        title: 'devfile.yaml is a devfile of another version',
        detail: expect.stringMatching(/^devfile\.yaml:1:\d+\n/),
      })
    },
  )

  test('names of endpoints may be longer before 2.2.0', async () => {
    const text = (version: string) =>
      `schemaVersion: ${version}\ncomponents: [{name: a, container: {image: x, endpoints: [{name: a-name-of-more-than-15, targetPort: 80}]}}]`
    expect((await read(text('2.0.0'))).forwardPorts).toEqual([80])
    expect((await read(text('2.1.0'))).forwardPorts).toEqual([80])
    expect((await refused(text('2.2.0'))).cause).toContain('at most 15 characters')
  })
})

describe('the workspace’s own container', () => {
  test('says image, variables, folders, volumes and what the machine needs', async () => {
    const definition = await read(`
schemaVersion: 2.2.0
metadata: {name: shop, version: 1.0.0, displayName: The shop, anything: [1]}
variables: {registry: registry.example.com, tag: "1.2"}
components:
  - name: dev
    container:
      image: "{{registry}}/shop:{{ tag }}"
      env:
        - {name: A, value: one}
        - {name: B, value: $(A)-$(NOPE)-$$(A)}
        - {name: C, value: "\${PROJECT_SOURCE}/c"}
      memoryRequest: 512Mi
      memoryLimit: 1Gi
      cpuRequest: 250m
      volumeMounts: [{name: m2, path: /home/user/.m2}, {name: cache}]
  - {name: m2, volume: {size: 3Gi}}
  - {name: cache, volume: {ephemeral: true, size: 1Gi}}
  - {name: spare, volume: {}}
`)
    expect(definition).toMatchObject({
      title: 'shop',
      image: 'registry.example.com/shop:1.2',
      workspaceFolder: '/projects/app',
      containerEnv: {
        PROJECTS_ROOT: '/projects',
        PROJECT_SOURCE: '/projects/app',
        A: 'one',
        B: 'one-$(NOPE)-$(A)',
        C: '/projects/app/c',
      },
      overrideCommand: true,
      mounts: [
        { type: 'volume', source: 'm2', target: '/home/user/.m2', ofWorkspace: true, size: 3 * 1024 ** 3 },
        { type: 'tmpfs', source: 'cache', target: '/cache', size: 1024 ** 3 },
      ],
      // Of a volume that stays, beside what source and home have.
      hostRequirements: { memory: 512 * 1024 * 1024, cpus: 0.25, storage: 13 * 1024 ** 3 },
    })
    expect(definition.notApplied.map(({ field }) => field)).toEqual([
      'components.spare',
      'components.dev.container.memoryLimit',
    ])
  })

  test('beside it has what it is to have of memory and processors', async () => {
    const { services, hostRequirements, notApplied } = await read(`
components:
  - {name: dev, container: {image: debian, memoryRequest: 1Gi}}
  - {name: db, container: {image: postgres, memoryRequest: 64Mi, memoryLimit: 128Mi, cpuRequest: 50m, cpuLimit: "1"}}
  - {name: cache, container: {image: redis, memoryLimit: "0"}}
`)
    expect(services.map(({ container: own }) => own)).toEqual([
      { memoryReserved: 64 * 1024 ** 2, memory: 128 * 1024 ** 2, cpusReserved: 0.05, cpus: 1 },
      undefined,
    ])
    expect(hostRequirements).toEqual({ memory: 1088 * 1024 ** 2, cpus: 0.05 })
    expect(notApplied).toEqual([])
  })

  test('is the one of the default run command among those with the source, else the first of them', async () => {
    const components = `
components:
  - {name: db, container: {image: postgres, mountSources: false}}
  - {name: apart, container: {image: apart, dedicatedPod: true}}
  - {name: tools, container: {image: tools}}
  - {name: app, container: {image: app}}
`
    const plain = await read(components)
    expect(plain.image).toBe('tools')
    expect(plain.services.map(({ name }) => name)).toEqual(['db', 'apart', 'app'])
    expect(plain.services.map(({ ownPod }) => ownPod)).toEqual([undefined, true, undefined])
    expect(plain.notApplied).toEqual([])
    const alone = await read('components: [{name: apart, container: {image: x, dedicatedPod: true}}]')
    expect(reasonOf(alone, 'components.apart.container.dedicatedPod')).toContain('terminals')
    const run = '- {id: go, exec: {component: app, commandLine: x, group: {kind: run, isDefault: true}}}'
    expect((await read(`${components}commands:\n  ${run}\n`)).image).toBe('app')
    const database = run.replace('component: app', 'component: db')
    expect((await read(`${components}commands:\n  ${database}\n`)).image).toBe('tools')
    const composite = `
commands:
  - {id: all, composite: {commands: [one], group: {kind: build, isDefault: true}}}
  - {id: one, exec: {component: app, commandLine: x}}
`
    expect((await read(components + composite)).image).toBe('app')
  })

  test('has the source even where the file does not want that', async () => {
    const definition = await read('components: [{name: a, container: {image: x, mountSources: false}}]')
    expect(definition.workspaceFolder).toBe('/projects/app')
    expect(reasonOf(definition, 'components.a.container.mountSources')).toBeDefined()
  })

  test.each([
    ['/src', '/src/app'],
    ['src/', '/src/app'],
    ['/workspaces', '/workspaces/app'],
    ['/workspaces/deep', '/workspaces/deep/app'],
  ])('has the source in %s', async (mapping, folder) => {
    const definition = await read(`components: [{name: a, container: {image: x, sourceMapping: ${mapping}}}]`)
    expect(definition.workspaceFolder).toBe(folder)
    expect(definition.containerEnv.PROJECT_SOURCE).toBe(folder)
    expect(definition.sourceFolder).toBe(mapping === '/workspaces/deep' ? folder : undefined)
  })

  test('is the default image where the file has no container', async () => {
    const definition = await read('metadata: {name: nothing}')
    expect(definition).toMatchObject({ image: 'debian:bookworm', imageIsDefault: true, title: 'nothing' })
    expect(definition.workspaceFolder).toBe('/workspaces/app')
  })

  test.each([
    ['args: [tail, -f, /dev/null]', true],
    ['command: [tail], args: ["-f", "/dev/null"]', true],
    ['command: [sleep, infinity]', true],
    ['command: [sleep, "86400"]', true],
    ['command: [/bin/sh, -c], args: ["while true; do sleep 30; done"]', true],
    ['command: [bash, -c, "exec tail -f /dev/null"]', true],
    ['command: [sleep, "5"]', false],
    ['command: [sh, -c, "serve & tail -f /dev/null"]', false],
    ['args: [serve]', false],
  ])('with %s runs Berth’s idle command: %s', async (fields, override) => {
    const definition = await read(`components: [{name: a, container: {image: x, ${fields}}}]`)
    expect(definition.overrideCommand).toBe(override)
    if (override) expect(definition).not.toMatchObject({ command: expect.anything() })
  })

  test('runs what the file says', async () => {
    const definition = await read(
      'components: [{name: a, container: {image: x, env: [{name: P, value: "80"}], command: [serve], args: [--port, $(P)]}}]',
    )
    expect(definition).toMatchObject({
      overrideCommand: false,
      entrypoint: ['serve'],
      command: ['--port', '80'],
    })
  })
})

describe('other containers', () => {
  test('are services that share the workspace’s network', async () => {
    const definition = await read(`
components:
  - {name: dev, container: {image: x, endpoints: [{name: http, targetPort: 8080}]}}
  - name: db
    container:
      image: postgres:16
      mountSources: false
      env: [{name: POSTGRES_PASSWORD, value: secret}]
      args: [-c, fsync=off]
      volumeMounts: [{name: data, path: /var/lib/postgresql}]
      endpoints:
        - {name: sql, targetPort: 5432, protocol: tcp, exposure: none}
        - {name: web, targetPort: 8080}
  - {name: data, volume: {}}
  - {name: worker, container: {image: y, sourceMapping: /code}}
`)
    expect(definition.services).toEqual([
      {
        name: 'db',
        image: 'postgres:16',
        command: ['-c', 'fsync=off'],
        env: { POSTGRES_PASSWORD: 'secret' },
        mounts: [{ type: 'volume', source: 'data', target: '/var/lib/postgresql', ofWorkspace: true }],
        ports: [5432, 8080],
        aliases: [],
        dependsOn: [],
        restart: 'always',
      },
      {
        name: 'worker',
        image: 'y',
        env: { PROJECTS_ROOT: '/code', PROJECT_SOURCE: '/code/app' },
        mounts: [],
        sourceFolder: '/code/app',
        ports: [],
        aliases: [],
        dependsOn: [],
        restart: 'always',
      },
    ])
    expect(definition.forwardPorts).toEqual([8080])
    expect(definition.portsAttributes).toEqual({
      '5432': { label: 'sql', protocol: 'tcp', onAutoForward: 'ignore' },
      '8080': { label: 'http', onAutoForward: 'notify' },
    })
    expect(reasonOf(definition, 'components.db.container.endpoints.web')).toMatch(
      /"dev" states the port 8080/,
    )
  })
})

describe('endpoints', () => {
  test('are ports, as far as they mean something for a workspace', async () => {
    const definition = await read(`
components:
  - name: dev
    container:
      image: x
      endpoints:
        - {name: app, targetPort: 3000, protocol: https, path: //admin, secure: true}
        - {name: hidden, targetPort: 3000, exposure: none}
        - {name: inner, targetPort: 4000, exposure: internal, protocol: ws, path: /}
        - {name: debug, targetPort: 5858, exposure: none}
        - {name: shown, targetPort: 5858, annotation: {a: b}}
        - {name: packets, targetPort: 53, protocol: udp}
`)
    expect(definition.forwardPorts).toEqual([3000, 4000, 5858])
    expect(definition.portsAttributes).toEqual({
      '3000': { label: 'app', protocol: 'http', path: '/admin', onAutoForward: 'notify' },
      '4000': { label: 'inner', protocol: 'http', onAutoForward: 'silent' },
      '5858': { label: 'debug', onAutoForward: 'notify' },
    })
    expect(
      definition.notApplied.map(({ field }) => field.replace('components.dev.container.endpoints.', '')),
    ).toEqual([
      'app.secure',
      'app.protocol',
      'inner.exposure',
      'shown.annotation',
      'packets.protocol',
      'hidden',
      'shown',
    ])
  })
})

describe('images that the file builds', () => {
  const components = (dockerfile: string, image = 'shop:latest') => `
variables: {name: shop}
components:
  - {name: dev, container: {image: "${image}"}}
  - name: build
    image: {imageName: "{{name}}:latest", autoBuild: true, dockerfile: ${dockerfile}}
`
  const files = { 'docker/Dockerfile': 'FROM x' }

  test('are built for the container of their name', async () => {
    const definition = await read(
      components(
        '{uri: docker/Dockerfile, buildContext: "${PROJECT_SOURCE}/docker", args: [--build-arg, A=1, --build-arg=B=2, C=3, --target=dev, --squash]}',
        'shop',
      ),
      { files },
    )
    expect(definition.image).toBeUndefined()
    expect(definition.build).toEqual({
      dockerfile: 'docker/Dockerfile',
      context: 'docker',
      args: { A: '1', B: '2', C: '3' },
      target: 'dev',
    })
    expect(definition.notApplied).toEqual([
      { field: 'components.build.image.dockerfile.args[5]', reason: expect.stringContaining('--build-arg') },
    ])
  })

  test('have the repository for their context', async () => {
    expect((await read(components('{uri: docker/Dockerfile}'), { files })).build?.context).toBe('.')
  })

  test.each([
    ['{git: {remotes: {origin: https://example.com/x.git}}}', /another repository/],
    ['{devfileRegistry: {id: go}}', /registry of devfiles/],
    ['{uri: https://example.com/Dockerfile}', /not in the repository/],
  ])('are pulled where their Dockerfile is somewhere else: %s', async (dockerfile, reason) => {
    const definition = await read(components(dockerfile))
    expect(definition.image).toBe('shop:latest')
    expect(reasonOf(definition, 'components.build')).toMatch(reason)
  })

  test('are listed where no container has their name', async () => {
    const definition = await read(components('{uri: nowhere/Dockerfile}', 'debian'))
    expect(reasonOf(definition, 'components.build')).toMatch(/no container/)
  })

  test('must have their Dockerfile', async () => {
    expect((await refused(components('{uri: nowhere/Dockerfile}'))).cause).toContain(
      'there is no nowhere/Dockerfile',
    )
    expect((await refused(components('{uri: ../Dockerfile}'))).cause).toContain('inside the repository')
  })
})

describe('projects', () => {
  test('are repositories beside the source', async () => {
    const definition = await read(`
${container}
projects:
  - {name: api, git: {remotes: {origin: https://example.com/api.git}, checkoutFrom: {revision: v1}}}
  - name: web
    clonePath: sites/web
    git: {remotes: {origin: https://example.com/web.git, fork: https://example.com/fork.git}, checkoutFrom: {remote: fork}}
  - {name: away, clonePath: ../away, git: {remotes: {origin: https://example.com/away.git}}}
  - {name: app, git: {remotes: {origin: https://example.com/app.git}}}
  - {name: archive, zip: {location: https://example.com/a.zip}}
  - {name: nowhere, zip: {location: a.zip}}
dependentProjects:
  - {name: library, git: {remotes: {origin: git@example.com:library.git}, checkoutFrom: {remote: nowhere}}}
starterProjects:
  - {name: start, subDir: x, git: {remotes: {origin: https://example.com/s.git}}}
  - {name: whole, subDir: /, description: All of it, git: {remotes: {origin: https://example.com/t.git}, checkoutFrom: {revision: v2}}}
  - {name: zipped, zip: {location: https://example.com/a.zip}}
`)
    expect(definition.repositories).toEqual([
      { url: 'https://example.com/api.git', ref: 'v1', folder: '/projects/api' },
      {
        url: 'https://example.com/fork.git',
        folder: '/projects/sites/web',
        remote: 'fork',
        remotes: { origin: 'https://example.com/web.git' },
      },
      { url: 'https://example.com/away.git', folder: '/projects/away' },
      { url: 'https://example.com/a.zip', archive: true, folder: '/projects/archive' },
      { url: 'git@example.com:library.git', folder: '/projects/library' },
    ])
    expect(definition.notApplied.map(({ field }) => field)).toEqual([
      'projects.nowhere.zip',
      'dependentProjects.library.git.checkoutFrom.remote',
      'projects.away.clonePath',
      'projects.app',
    ])
    expect(definition.starterProjects).toEqual([
      { name: 'start', url: 'https://example.com/s.git', subFolder: 'x' },
      { name: 'whole', url: 'https://example.com/t.git', ref: 'v2', description: 'All of it' },
      { name: 'zipped', url: 'https://example.com/a.zip', archive: true },
    ])
  })
})

describe('variables', () => {
  test('are filled in in texts, and not in names; unknown ones are listed', async () => {
    const definition = await read(`
variables: {line: make, kind: run}
${container}
commands:
  - {id: go, exec: {component: dev, commandLine: "{{line}} {{nope}} {{.State}}", label: "{{line}}"}}
`)
    expect(definition.tasks[0]).toMatchObject({ command: 'make {{nope}} {{.State}}', label: 'make' })
    expect(definition.notApplied.map(({ field }) => field)).toEqual(['{{nope}}'])
    const group = `variables: {kind: run}\n${container}commands: [{id: go, exec: {component: dev, commandLine: x, group: {kind: "{{kind}}"}}}]`
    expect((await refused(group)).cause).toContain('must be one of build, run')
  })
})

describe('what has no place in a workspace', () => {
  test('is listed by name', async () => {
    const definition = await read(`
metadata: {architectures: [amd64], globalMemoryLimit: 1Gi}
attributes: {any: {thing: true}, pod-overrides: {spec: {}, kind: Pod}}
components:
  - {name: dev, attributes: {x: y}, container: {image: x, cpuLimit: "2", imagee: y, annotation: {service: {a: b}}}}
  - {name: deploy, kubernetes: {uri: deploy.yaml, endpoints: [{name: http, targetPort: 80}]}}
  - {name: other, openshift: {inlined: "kind: Route"}}
  - {name: old, plugin: {id: x}}
extra: 1
`)
    expect(definition.notApplied.map(({ field }) => field)).toEqual([
      'extra',
      'metadata.architectures',
      'metadata.globalMemoryLimit',
      'attributes.pod-overrides.kind',
      'components.dev.container.imagee',
      'components.dev.container.annotation',
      'components.old',
      'components.deploy',
      'components.other',
      'components.dev.container.cpuLimit',
    ])
    expect(reasonOf(definition, 'components.dev.container.imagee')).toBe(
      'unknown field; did you mean "image"?',
    )
  })
})
