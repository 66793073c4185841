import { describe, expect, it } from 'vitest'
import { Definition } from '#contract'
import { processorTime } from '../../platform/processor-time.test-helper'
import { readDevcontainer } from '../devcontainer/read'
import { writeDevcontainer } from '../devcontainer/write'
import { memoryReader, testContext } from '../memory-reader.test-helper'
import { detect } from './index'

type Files = Readonly<Record<string, string>>

async function detected(files: Files) {
  const found = await detect(memoryReader(files), 'app')
  expect(found).toBeDefined()
  return found as NonNullable<typeof found>
}

const json = JSON.stringify
const vite = { scripts: { dev: 'vite' }, devDependencies: { vite: '^5.0.0' }, engines: { node: '>=18 <21' } }

describe('detect', () => {
  it('knows nothing of a repository that tells nothing', async () => {
    expect(await detect(memoryReader({ 'README.md': '# x', Makefile: 'all:\n' }), 'app')).toBeUndefined()
    expect(await detect(memoryReader({}), 'app')).toBeUndefined()
  })

  it('proposes an image, a command and a port, each with its reason', async () => {
    const { definition, reasons } = await detected({
      'package.json': json(vite, null, 2),
      'package-lock.json': '{}',
      '.nvmrc': '# ours\nv20.11\n',
    })
    expect(definition).toMatchObject({
      format: 'detected',
      title: 'app',
      image: 'mcr.microsoft.com/devcontainers/javascript-node:20-bookworm',
      lifecycle: { postCreateCommand: 'npm ci' },
      forwardPorts: [5173],
      portsAttributes: { '5173': { label: 'Vite' } },
    })
    expect(reasons).toEqual([
      { field: 'image', what: 'Node 20', because: '.nvmrc', line: 2 },
      { field: 'postCreateCommand', what: 'npm ci', because: 'package-lock.json' },
      { field: 'forwardPorts', what: 'port 5173', because: 'package.json', line: 6 },
    ])
  })

  const image = (name: string) => `mcr.microsoft.com/devcontainers/${name}`
  it.each<[string, Files, string, unknown, number[]]>([
    [
      'TypeScript with pnpm',
      {
        'package.json': json({
          packageManager: 'pnpm@9.1.0',
          scripts: { dev: 'next dev -p 4000' },
          dependencies: { next: '14' },
        }),
        'pnpm-lock.yaml': '',
        'tsconfig.json': '{}',
      },
      image('typescript-node:22-bookworm'),
      'npm install -g pnpm@9.1.0 && pnpm install --frozen-lockfile',
      [4000],
    ],
    [
      'yarn',
      { 'package.json': json({ engines: { node: '16.x' } }), 'yarn.lock': '' },
      'node:16',
      'yarn install --frozen-lockfile',
      [],
    ],
    [
      'modern yarn',
      { 'package.json': json({ packageManager: 'yarn@4.1.0' }), 'yarn.lock': '' },
      image('javascript-node:22-bookworm'),
      'corepack enable && yarn install --immutable',
      [],
    ],
    [
      'Node without a lock file',
      { 'package.json': '{}', '.tool-versions': 'python 3.9\nnodejs 18.1.0\n' },
      image('javascript-node:18-bookworm'),
      'npm install',
      [],
    ],
    [
      'Node by its Dockerfile',
      { 'package.json': '{}', Dockerfile: 'FROM --platform=$X node:20-alpine AS b\nEXPOSE 8080/tcp\n' },
      image('javascript-node:20-bookworm'),
      'npm install',
      [8080],
    ],
    [
      'Express',
      {
        'package.json': json({ dependencies: { express: '4' } }),
        'src/server.ts': 'const port = process.env.PORT ?? 4567\n',
      },
      image('javascript-node:22-bookworm'),
      'npm install',
      [4567],
    ],
    [
      'requirements',
      {
        'requirements.txt': 'streamlit==1.30\n',
        '.python-version': '3.11.4\n',
        '.streamlit/config.toml': '[server]\nport = 8600\n',
      },
      image('python:3.11-bookworm'),
      'pip install -r requirements.txt',
      [8600],
    ],
    [
      'uv',
      {
        'pyproject.toml':
          '[project]\nname = "x"\nrequires-python = ">=3.10,<3.12"\ndependencies = [\n  "fastapi>=0.1",\n]\n',
        'uv.lock': '',
      },
      image('python:3.11-bookworm'),
      'pip install uv && uv sync',
      [8000],
    ],
    [
      'poetry',
      {
        'pyproject.toml':
          '[tool.poetry]\n[tool.poetry.dependencies]\npython = "^3.8"\ndjango = { version = "^4" }\n',
      },
      image('python:3.12-bookworm'),
      'pip install poetry && poetry install',
      [8000],
    ],
    [
      'pipenv',
      {
        Pipfile: '[packages]\nflask = "*"\n[requires]\npython_version = "3.8"\n',
        'Pipfile.lock': '{}',
        'app.py': 'app.run(debug=True, port=5055)\n',
      },
      'python:3.8',
      'pip install pipenv && pipenv sync --dev',
      [5055],
    ],
    [
      'conda',
      { 'environment.yml': 'dependencies:\n  - jupyterlab\n' },
      image('miniconda:3'),
      'conda env update --name base --file environment.yml',
      [8888],
    ],
    [
      'Go',
      { 'go.mod': 'module x\n\ngo 1.22.1\n', 'main.go': 'http.ListenAndServe(":9090", nil)\n' },
      image('go:1.22-bookworm'),
      'go mod download',
      [9090],
    ],
    ['an old Go', { 'go.mod': 'module x\ngo 1.13\n' }, image('go:1.25-bookworm'), 'go mod download', []],
    [
      'Rust',
      { 'Cargo.toml': '[package]\n', 'rust-toolchain.toml': '[toolchain]\nchannel = "1.75"\n' },
      image('rust:1-bookworm'),
      'cargo fetch',
      [],
    ],
    [
      'Maven with its wrapper',
      {
        'pom.xml': '<java.version>17</java.version>\n<artifactId>spring-boot-starter-web</artifactId>',
        mvnw: '',
      },
      image('java:17-bookworm'),
      './mvnw --batch-mode dependency:go-offline',
      [8080],
    ],
    [
      'Maven without',
      { 'pom.xml': '<maven.compiler.source>1.8</maven.compiler.source>' },
      'maven:3.9-eclipse-temurin-8',
      'mvn --batch-mode dependency:go-offline',
      [],
    ],
    [
      'Gradle',
      { 'build.gradle.kts': 'java { toolchain { languageVersion = JavaLanguageVersion.of(21) } }' },
      'gradle:8-jdk21',
      'gradle --no-daemon dependencies',
      [],
    ],
    [
      'Rails',
      { Gemfile: 'ruby "3.2.2"\ngem "rails", "~> 7"\n' },
      image('ruby:3.2-bookworm'),
      'bundle install',
      [3000],
    ],
    [
      'Laravel',
      { 'composer.json': json({ require: { php: '^8.1', 'laravel/framework': '^10' } }) },
      image('php:8.3-bookworm'),
      'composer install',
      [8000],
    ],
    [
      '.NET',
      {
        'Web.csproj': '<TargetFramework>net9.0</TargetFramework>',
        'Properties/launchSettings.json': '"applicationUrl": "https://localhost:7001;http://localhost:5199",',
      },
      image('dotnet:9.0-bookworm'),
      'dotnet restore',
      [5199],
    ],
    ['C++', { 'CMakeLists.txt': 'project(x)' }, image('cpp:bookworm'), 'cmake -S . -B build', []],
    [
      'a part of a repository',
      { 'frontend/package.json': json(vite), 'frontend/package-lock.json': '' },
      image('javascript-node:20-bookworm'),
      'cd frontend && npm ci',
      [5173],
    ],
  ])('%s', async (_, files, wanted, command, ports) => {
    const { definition } = await detected(files)
    expect([definition.image, definition.lifecycle.postCreateCommand, definition.forwardPorts]).toEqual([
      wanted,
      command,
      ports,
    ])
  })

  it('takes one language for the image and the others as Features', async () => {
    const { definition, reasons } = await detected({
      'backend/requirements.txt': 'django\n',
      'frontend/package.json': json(vite),
      '.github/workflows/test.yml':
        'jobs:\n  t:\n    strategy:\n      matrix:\n        py: ["3.10", "3.11"]\n    steps:\n      - uses: actions/setup-python@v5\n        with:\n          python-version: ${{ matrix.py }}\n',
    })
    expect(definition.image).toBe('mcr.microsoft.com/devcontainers/python:3.11-bookworm')
    expect(definition.features).toEqual([
      { reference: 'ghcr.io/devcontainers/features/node:1', options: { version: '20' } },
    ])
    expect(definition.lifecycle.postCreateCommand).toEqual({
      python: 'cd backend && pip install -r requirements.txt',
      node: 'cd frontend && npm install',
    })
    expect(definition.forwardPorts).toEqual([8000, 5173])
    expect(reasons[0]).toEqual({
      field: 'image',
      what: 'Python 3.11',
      because: '.github/workflows/test.yml',
      line: 9,
    })
  })

  it('brings the databases that the Compose file has, as they are set up there', async () => {
    const { definition, reasons } = await detected({
      'go.mod': 'module x\n',
      'compose.yaml':
        'services:\n  api:\n    build: .\n    ports: ["8081:8080"]\n  db:\n    image: postgres:${PG:-16}-alpine\n    environment:\n      POSTGRES_USER: me\n      POSTGRES_PASSWORD: p@ss\n  cache:\n    image: redis\n  search:\n    image: elasticsearch:8.1.0\n',
    })
    expect(definition.services.map(({ name, image }) => [name, image])).toEqual([
      ['db', 'postgres:16-alpine'],
      ['cache', 'redis:7.4'],
    ])
    expect(definition.containerEnv).toEqual({
      DATABASE_URL: 'postgresql://me:p%40ss@localhost:5432/me',
      REDIS_URL: 'redis://localhost:6379',
    })
    expect(definition.services[0]?.health?.command).toEqual(['pg_isready', '-h', '127.0.0.1', '-U', 'me'])
    expect(definition.forwardPorts).toEqual([8080])
    expect(reasons).toContainEqual({
      field: 'services.db',
      what: 'PostgreSQL 16',
      because: 'compose.yaml',
      line: 6,
    })
  })

  it.each<[string, Files, string[]]>([
    [
      'GitHub',
      { '.github/workflows/ci.yml': 'jobs:\n  t:\n    services:\n      mysql:\n        image: mysql:8.0\n' },
      ['mysql:8.0'],
    ],
    [
      'GitLab',
      { '.gitlab-ci.yml': 'test:\n  services:\n    - mariadb:10.11\n    - name: mongo:7\n' },
      ['mariadb:10.11', 'mongo:7'],
    ],
    [
      'an example of variables',
      {
        '.env.example':
          'DATABASE_URL="postgres://u:p@localhost:5432/shop"\nREDIS_URL=redis://cache:6379\nOTHER_URL=mysql://db.example.com/x\n',
      },
      ['postgres:17', 'redis:7.4'],
    ],
    [
      'Prisma',
      { 'prisma/schema.prisma': 'datasource db {\n  provider = "postgresql"\n}\n' },
      ['postgres:17'],
    ],
  ])('finds databases by %s', async (_, files, images) => {
    const { definition } = await detected({ 'package.json': '{}', ...files })
    expect(definition.services.map((service) => service.image)).toEqual(images)
  })

  it('passes over files that are no good, and reads a bounded part of a huge repository', async () => {
    const files: Record<string, string> = {
      'package.json': '{',
      'compose.yaml': ': [',
      'go.mod': 'x'.repeat(9_000),
    }
    for (let index = 0; index < 5_000; index++) files[`.github/workflows/ci-${index}.yml`] = 'a: &a [*a]'
    const reader = memoryReader(files)
    let reads = 0
    const counting = {
      ...reader,
      read(path: string, limit: number) {
        reads += 1
        return reader.read(path, limit)
      },
    }
    expect((await detect(counting, 'app'))?.definition.image).toBe(
      'mcr.microsoft.com/devcontainers/go:1.25-bookworm',
    )
    expect(reads).toBeLessThanOrEqual(40)
  })

  it('ends soon whatever stands in a file', async () => {
    const nasty = ['=', ' ', '"', '[', '{', 'FROM ', '${a:-', '1.', '://', 'port='].map((part) =>
      part.repeat(10_000),
    )
    const names = [
      'package.json',
      'pyproject.toml',
      'requirements.txt',
      '.env.example',
      'Dockerfile',
      'pom.xml',
      'Gemfile',
      'compose.yaml',
      'mise.toml',
      '.nvmrc',
      'app.csproj',
      'go.mod',
    ]
    for (const text of nasty) {
      const begun = processorTime()
      const files = Object.fromEntries(names.map((name) => [name, `${text}\n${text.slice(0, 900)}\n`]))
      await detect(memoryReader(files), 'app')
      expect(processorTime() - begun).toBeLessThan(3_000)
    }
  })
})

/** Files that may or may not be there, each with several contents. */
const pool: readonly (readonly [string, readonly string[]])[] = [
  ['package.json', [json(vite), json({ packageManager: 'bun@1.1.0', dependencies: { express: '4' } }), '{}']],
  ['package-lock.json', ['{}']],
  ['pnpm-lock.yaml', ['']],
  ['.nvmrc', ['20', 'lts/iron', '"${HOME}"']],
  ['requirements.txt', ['flask\n', 'streamlit\n']],
  ['pyproject.toml', ['[project]\nrequires-python = ">=3.9"\n']],
  ['go.mod', ['go 1.23\n']],
  ['Cargo.toml', ['[package]\n']],
  ['pom.xml', ['<release>21</release>\nspring-boot-starter-web']],
  ['Gemfile', ['gem "rails"\n']],
  ['web/package.json', [json({ scripts: { dev: 'astro dev' }, dependencies: { astro: '4' } })]],
  [
    'compose.yaml',
    [
      'services:\n  db:\n    image: mysql:8.4\n  mongo:\n    image: mongo:8.0\n',
      'services:\n  postgres:\n    image: postgres:17\n  other-db:\n    image: mysql\n    environment: [MYSQL_ROOT_PASSWORD=a b]\n',
      'services:\n  x:\n    build: .\n    ports: [3000]\n  pg:\n    image: pgvector/pgvector:pg16\n',
    ],
  ],
  ['.env.example', ['REDIS_URL=redis://localhost\nPORT=4000\n', 'DATABASE_URL=postgres://a:b@db/c\n']],
  ['Dockerfile', ['FROM node:18\nEXPOSE 3000\n']],
]

/** Numbers that look random and are the same each time (Lehmer). */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (state * 48_271) % 2_147_483_647
    yield state
  }
}

describe('writeDevcontainer', () => {
  it('says the same when it is read again, whatever was detected', async () => {
    const random = numbers(20_261_128)
    const next = (below: number) => random.next().value % below
    let tried = 0
    for (let round = 0; round < 400; round++) {
      const files: Record<string, string> = {}
      for (const [name, contents] of pool)
        if (next(3) === 0) files[name] = contents[next(contents.length)] ?? ''
      const found = await detect(memoryReader(files), 'app')
      if (!found) continue
      tried += 1
      const definition = Definition.parse(found.definition)
      const text = writeDevcontainer(definition, found.reasons)
      const path = '.devcontainer/devcontainer.json'
      const again = await readDevcontainer(path, memoryReader({ [path]: text }), testContext)
      expect(again, text).toEqual({ ...definition, format: 'devcontainer', path })
    }
    expect(tried).toBeGreaterThan(200)
  })

  it('gives the reasons as comments, and databases by their short form', async () => {
    const { definition, reasons } = await detected({
      'package.json': json(vite, null, 2),
      'package-lock.json': '{}',
      'compose.yaml': 'services:\n  db:\n    image: postgres:16\n',
    })
    expect(writeDevcontainer(definition, reasons)).toBe(`{
  "name": "app",
  // Node 20: package.json, line 9
  "image": "mcr.microsoft.com/devcontainers/javascript-node:20-bookworm",
  // port 5173: package.json, line 6
  "forwardPorts": [5173],
  "portsAttributes": {
    "5173": { "label": "Vite" }
  },
  // npm ci: package-lock.json
  "postCreateCommand": "npm ci",
  // PostgreSQL 16: compose.yaml, line 3
  "customizations": {
    "berth": {
      "services": { "db": "postgres:16" }
    }
  }
}
`)
  })
})
