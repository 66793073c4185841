/** The languages that a workspace can be proposed for. */
export type Language =
  | 'node'
  | 'python'
  | 'conda'
  | 'go'
  | 'rust'
  | 'java'
  | 'ruby'
  | 'php'
  | 'dotnet'
  | 'cpp'

/** Where its image comes from. */
export interface Toolchain {
  readonly title: string
  /** How many numbers of a version make a difference. */
  readonly parts: number
  /** Taken where the repository says nothing, or leaves the choice. */
  readonly preferred: string
  /** Those that there is an image for of the dev containers project. Empty: whichever it is, the one image has it. */
  readonly versions: readonly string[]
  readonly image: (version: string) => string
  /** Docker's official image, or the maker's own, for every other version. */
  readonly official?: (version: string) => string
  /** What brings the language into the image of another one. */
  readonly feature?: string
  /** In .tool-versions and mise.toml. */
  readonly asdf: readonly string[]
  /** Action and field of a workflow. */
  readonly setup?: readonly [action: string, field: string]
  /** Names of images that a Dockerfile or a pipeline would use. */
  readonly images: readonly string[]
}

const dev = (name: string) => (version: string) =>
  `mcr.microsoft.com/devcontainers/${name}:${version}-bookworm`
const feature = (name: string) => `ghcr.io/devcontainers/features/${name}:1`

/**
 * Every language with the image that is proposed for it. Those of the dev containers project come first: they have
 * git, a shell that is set up, and a user of their own.
 */
export const toolchains: Readonly<Record<Language, Toolchain>> = {
  node: {
    title: 'Node',
    parts: 1,
    preferred: '22',
    versions: ['18', '20', '22', '24'],
    image: dev('javascript-node'),
    official: (version) => `node:${version}`,
    feature: feature('node'),
    asdf: ['node', 'nodejs'],
    setup: ['actions/setup-node', 'node-version'],
    images: ['node'],
  },
  python: {
    title: 'Python',
    parts: 2,
    preferred: '3.12',
    versions: ['3.9', '3.10', '3.11', '3.12', '3.13', '3.14'],
    image: dev('python'),
    official: (version) => `python:${version}`,
    feature: feature('python'),
    asdf: ['python'],
    setup: ['actions/setup-python', 'python-version'],
    images: ['python'],
  },
  conda: {
    title: 'Miniconda',
    parts: 1,
    preferred: '3',
    versions: [],
    image: () => 'mcr.microsoft.com/devcontainers/miniconda:3',
    asdf: [],
    images: [],
  },
  go: {
    title: 'Go',
    parts: 2,
    preferred: '1.25',
    versions: ['1.21', '1.22', '1.23', '1.24', '1.25', '1.26'],
    image: dev('go'),
    official: (version) => `golang:${version}`,
    feature: feature('go'),
    asdf: ['go', 'golang'],
    setup: ['actions/setup-go', 'go-version'],
    images: ['golang'],
  },
  rust: {
    title: 'Rust',
    parts: 2,
    preferred: '1',
    versions: [],
    image: () => 'mcr.microsoft.com/devcontainers/rust:1-bookworm',
    feature: feature('rust'),
    asdf: ['rust'],
    images: ['rust'],
  },
  java: {
    title: 'Java',
    parts: 1,
    preferred: '21',
    versions: ['8', '11', '17', '21', '25'],
    image: dev('java'),
    official: (version) => `eclipse-temurin:${version}-jdk`,
    feature: feature('java'),
    asdf: ['java'],
    setup: ['actions/setup-java', 'java-version'],
    images: ['eclipse-temurin', 'openjdk', 'maven', 'gradle'],
  },
  ruby: {
    title: 'Ruby',
    parts: 2,
    preferred: '3.3',
    versions: ['3.1', '3.2', '3.3', '3.4'],
    image: dev('ruby'),
    official: (version) => `ruby:${version}`,
    feature: feature('ruby'),
    asdf: ['ruby'],
    setup: ['ruby/setup-ruby', 'ruby-version'],
    images: ['ruby'],
  },
  php: {
    title: 'PHP',
    parts: 2,
    preferred: '8.3',
    versions: ['8.1', '8.2', '8.3', '8.4', '8.5'],
    image: dev('php'),
    official: (version) => `php:${version}-cli`,
    feature: feature('php'),
    asdf: ['php'],
    setup: ['shivammathur/setup-php', 'php-version'],
    images: ['php'],
  },
  dotnet: {
    title: '.NET',
    parts: 2,
    preferred: '8.0',
    versions: ['8.0', '9.0', '10.0'],
    // Since 10 the SDK's own image is no Debian any more.
    image: (version) =>
      version === '10.0' ? 'mcr.microsoft.com/devcontainers/dotnet:10.0' : dev('dotnet')(version),
    official: (version) => `mcr.microsoft.com/dotnet/sdk:${version}`,
    feature: 'ghcr.io/devcontainers/features/dotnet:2',
    asdf: ['dotnet', 'dotnet-core'],
    setup: ['actions/setup-dotnet', 'dotnet-version'],
    images: ['mcr.microsoft.com/dotnet/sdk', 'mcr.microsoft.com/dotnet/aspnet'],
  },
  cpp: {
    title: 'C++',
    parts: 1,
    preferred: '',
    versions: [],
    image: () => 'mcr.microsoft.com/devcontainers/cpp:bookworm',
    asdf: [],
    images: ['gcc'],
  },
}

/** The image of a language's version. */
export function imageOf(language: Language, version: string): string {
  const { versions, image, official } = toolchains[language]
  if (versions.length === 0 || versions.includes(version) || !official) return image(version)
  return official(version)
}
