import { type Definition, emptyDefinition, type Preview, type Problem, type Proposal } from '#contract'

/** A source without a definition, for which one is proposed. */
const proposal: Proposal = {
  text: `{
  "name": "plain",
  // Node 22: .nvmrc, line 1
  "image": "mcr.microsoft.com/devcontainers/typescript-node:22-bookworm",
  // port 5173: vite.config.ts, line 6
  "forwardPorts": [5173],
  "portsAttributes": {
    "5173": { "label": "Vite" }
  },
  // npm ci: package-lock.json
  "postCreateCommand": "npm ci",
  // PostgreSQL 16: compose.yaml, line 4
  "customizations": {
    "berth": {
      "services": { "db": "postgres:16" }
    }
  }
}
`,
  reasons: [
    { field: 'image', what: 'Node 22', because: '.nvmrc', line: 1 },
    { field: 'postCreateCommand', what: 'npm ci', because: 'package-lock.json' },
    { field: 'forwardPorts', what: 'port 5173', because: 'vite.config.ts', line: 6 },
    { field: 'services.db', what: 'PostgreSQL 16', because: 'compose.yaml', line: 4 },
  ],
}

export function previewOfPlain(source: Preview['source'], text: string | undefined): Preview {
  const base = emptyDefinition('plain')
  if (text === undefined) {
    const definition: Definition = { ...base, format: 'default', image: 'debian:bookworm' }
    return { source, name: 'plain', definition, candidates: [], notApplied: [], proposal }
  }
  const at = text.indexOf('"image": 5')
  if (at >= 0) {
    const line = text.slice(0, at).split('\n').length
    throw {
      code: 'definition-invalid',
      title: `.devcontainer/devcontainer.json has a mistake in line ${line}`,
      cause: `Line ${line}, column 12: "image" must be a string, not the number 5.`,
      remedy: `Correct line ${line} of .devcontainer/devcontainer.json, and try again.`,
      detail: `.devcontainer/devcontainer.json:${line}:12\n  "image": 5\n           ^`,
    } satisfies Problem
  }
  const definition: Definition = {
    ...base,
    title: 'plain',
    format: 'devcontainer',
    image: 'mcr.microsoft.com/devcontainers/typescript-node:22-bookworm',
    forwardPorts: [5173],
    lifecycle: { postCreateCommand: 'npm ci' },
    services: [
      {
        name: 'db',
        image: 'postgres:16',
        env: {},
        mounts: [],
        ports: [5432],
        aliases: [],
        dependsOn: [],
        restart: 'always',
      },
    ],
  }
  return { source, name: 'plain', definition, candidates: [], notApplied: [] }
}

export function definitionExists(folder: string): Problem {
  return {
    code: 'file-exists',
    title: `There is ${folder}/.devcontainer/devcontainer.json already`,
    cause: 'It would be overwritten.',
    remedy: 'Say that it may be replaced, or edit it yourself.',
  }
}
