import { type Clue, type Fact, tomlValue } from './evidence'
import { type Finding, type Place, type PortFinding, portFinding } from './finding'
import { toolchains } from './toolchains'
import { compareVersions, versionFor, versionIn } from './versions'

/** A module of Go. */
export async function detectGo(place: Place): Promise<Finding | undefined> {
  const clue = await place.clue('go.mod')
  if (!clue) return undefined
  const { parts, versions, preferred } = toolchains.go
  const told = clue.find(/^toolchain\s+go(\S+)/) ?? clue.find(/^go\s+(\S+)/)
  const version = told && versionIn(told.value, parts)
  // What is older is built by what is newer, by Go's promise.
  const isOld = version !== undefined && compareVersions(version, versions[0] ?? '') < 0
  const port = await sourcePort(
    place,
    ['main.go'],
    /(?:ListenAndServe\w*|Listen|Run|Start)\(\s*"[^"]*:(\d{2,5})"/,
  )
  return {
    language: 'go',
    folder: place.folder,
    manifest: clue.fact('go.mod'),
    ...(told && version !== undefined ? { version: { ...told, value: isOld ? preferred : version } } : {}),
    install: clue.fact('go mod download'),
    ports: port ? [port] : [],
  }
}

/** A crate or workspace of Cargo. The version is rustup's affair, which goes by rust-toolchain by itself. */
export async function detectRust(place: Place): Promise<Finding | undefined> {
  const clue = await place.clue('Cargo.toml')
  if (!clue) return undefined
  const toml = await place.clue('rust-toolchain.toml')
  const plain = await place.clue('rust-toolchain')
  const told = (toml && tomlValue(toml, 'toolchain', 'channel')) ?? plain?.find(/^\s*([\w.-]+)\s*$/)
  const version = told && /^[\w.-]{1,40}$/.test(told.value) ? told : undefined
  return {
    language: 'rust',
    folder: place.folder,
    manifest: clue.fact('Cargo.toml'),
    ...(version ? { version } : {}),
    install: clue.fact('cargo fetch'),
    ports: [],
  }
}

/** A project of Maven or Gradle. */
export async function detectJava(place: Place): Promise<Finding | undefined> {
  const maven = await place.clue('pom.xml')
  const gradle = maven
    ? undefined
    : ((await place.clue('build.gradle')) ?? (await place.clue('build.gradle.kts')))
  const clue = maven ?? gradle
  if (!clue) return undefined
  const { preferred, parts } = toolchains.java
  const told =
    (await place.clue('.java-version'))?.find(/^\s*(\S+)\s*$/) ??
    clue.find(/<(?:java\.version|maven\.compiler\.(?:release|source|target)|release)>\s*([\d.]+)\s*</) ??
    clue.find(/JavaLanguageVersion\.of\(\s*(\d+)/) ??
    clue.find(/jvmToolchain\(\s*(\d+)/) ??
    clue.find(/\b(?:source|target)Compatibility\s*=?\s*(?:JavaVersion\.VERSION_)?["']?([\d._]+)/)
  // 1.8 is how 8 was called.
  const version = told && versionFor(told.value.replace('_', '.').replace(/^1\.(?=\d)/, ''), preferred, parts)
  const isWrapped = place.has(maven ? 'mvnw' : 'gradlew')
  const image = maven
    ? (wanted: string) => `maven:3.9-eclipse-temurin-${wanted}`
    : (wanted: string) => `gradle:8-jdk${wanted}`
  const install = maven
    ? `${isWrapped ? './mvnw' : 'mvn'} --batch-mode dependency:go-offline`
    : `${isWrapped ? './gradlew' : 'gradle'} --no-daemon dependencies`
  return {
    language: 'java',
    folder: place.folder,
    manifest: clue.fact(clue.path),
    ...(told && version !== undefined ? { version: { ...told, value: version } } : {}),
    // Without a wrapper the build tool has to come with the image.
    ...(isWrapped ? {} : { image }),
    install: clue.fact(install),
    ports: await javaPorts(place, clue),
  }
}

async function javaPorts(place: Place, clue: Clue): Promise<PortFinding[]> {
  const server =
    clue.find(/(spring-boot-starter-web|org\.springframework\.boot)/) ?? clue.find(/(quarkus|micronaut)/)
  if (!server) return []
  const label = server.value === 'quarkus' ? 'Quarkus' : server.value === 'micronaut' ? 'Micronaut' : 'Spring'
  const resources = 'src/main/resources/application'
  const told = place.has('src')
    ? ((await place.clue(`${resources}.properties`))?.find(
        /^\s*(?:server|quarkus\.http)\.port\s*=\s*(\d+)\s*$/,
      ) ?? (await place.clue(`${resources}.yml`))?.find(/^\s+port:\s*(\d+)\s*$/))
    : undefined
  const found = portFinding(told ?? { ...server, value: '8080' }, label)
  return found ? [found] : []
}

/** A project of Bundler. */
export async function detectRuby(place: Place): Promise<Finding | undefined> {
  const clue = await place.clue('Gemfile')
  if (!clue) return undefined
  const { preferred, parts } = toolchains.ruby
  const told =
    (await place.clue('.ruby-version'))?.find(/^\s*(?:ruby-)?(\d\S*)\s*$/) ??
    clue.find(/^\s*ruby\s*\(?\s*["']([^"']+)["']/)
  const version = told && versionFor(told.value, preferred, parts)
  const servers = [
    [/^\s*gem\s+["'](rails)["']/, 'Rails', '3000'],
    [/^\s*gem\s+["'](jekyll|github-pages)["']/, 'Jekyll', '4000'],
    [/^\s*gem\s+["'](sinatra)["']/, 'Sinatra', '4567'],
  ] as const
  const ports = servers.flatMap(([pattern, label, port]) => {
    const fact = clue.find(pattern)
    const found = fact && portFinding({ ...fact, value: port }, label)
    return found ? [found] : []
  })
  return {
    language: 'ruby',
    folder: place.folder,
    manifest: clue.fact('Gemfile'),
    ...(told && version !== undefined ? { version: { ...told, value: version } } : {}),
    install: clue.fact('bundle install'),
    ports: ports.slice(0, 1),
  }
}

/** A project of Composer. */
export async function detectPhp(place: Place): Promise<Finding | undefined> {
  const clue = await place.clue('composer.json')
  if (!clue) return undefined
  const root = clue.tree()
  const { preferred, parts } = toolchains.php
  const told = clue.at(root, ['config', 'platform', 'php']) ?? clue.at(root, ['require', 'php'])
  const version = told && versionFor(told.value.replaceAll(/\s\|\s|(?<!\|)\|(?!\|)/g, '||'), preferred, parts)
  const laravel = clue.at(root, ['require', 'laravel/framework'])
  const symfony = clue.at(root, ['require', 'symfony/framework-bundle'])
  const server = laravel ?? symfony
  const port = server && portFinding({ ...server, value: '8000' }, laravel ? 'Laravel' : 'Symfony')
  return {
    language: 'php',
    folder: place.folder,
    manifest: clue.fact('composer.json'),
    ...(told && version !== undefined ? { version: { ...told, value: version } } : {}),
    install: clue.fact('composer install'),
    ports: port ? [port] : [],
  }
}

/** A project or solution of .NET. */
export async function detectDotnet(place: Place): Promise<Finding | undefined> {
  const project = place.names.find((name) => /\.(?:cs|fs|vb)proj$/.test(name))
  const solution = place.names.find((name) => /\.slnx?$/.test(name))
  const name = project ?? solution
  const clue = name === undefined ? undefined : await place.clue(name)
  if (!clue) return undefined
  const { parts } = toolchains.dotnet
  const global = await place.clue('global.json')
  const told =
    global?.at(global.tree(), ['sdk', 'version']) ??
    clue.find(/<TargetFrameworks?>\s*(?:[^<]*;)?net(\d+\.\d+)[^<]*</) ??
    (await place.clue('Directory.Build.props'))?.find(/<TargetFramework>\s*net(\d+\.\d+)/)
  const version = told && versionIn(told.value, parts)
  const launch = place.has('Properties') ? await place.clue('Properties/launchSettings.json') : undefined
  const port = portFinding(launch?.find(/"applicationUrl"\s*:\s*"[^"]*http:\/\/[^:"]+:(\d+)/), 'ASP.NET')
  return {
    language: 'dotnet',
    folder: place.folder,
    manifest: clue.fact(clue.path),
    ...(told && version !== undefined ? { version: { ...told, value: version } } : {}),
    install: clue.fact('dotnet restore'),
    ports: port ? [port] : [],
  }
}

/** A project of CMake, or of make with sources of C beside it. */
export async function detectCpp(place: Place): Promise<Finding | undefined> {
  const cmake = await place.clue('CMakeLists.txt')
  const hasSources = place.names.some((name) => /\.(?:c|cc|cpp|cxx)$/.test(name) || name === 'configure.ac')
  const clue = cmake ?? (hasSources ? await place.clue('Makefile') : undefined)
  if (!clue) return undefined
  return {
    language: 'cpp',
    folder: place.folder,
    manifest: clue.fact(clue.path),
    ...(cmake ? { install: cmake.fact('cmake -S . -B build') } : {}),
    ports: [],
  }
}

async function sourcePort(
  place: Place,
  names: readonly string[],
  pattern: RegExp,
): Promise<PortFinding | undefined> {
  for (const name of names) {
    const fact: Fact | undefined = (await place.clue(name))?.find(pattern)
    const found = portFinding(fact, 'App')
    if (found) return found
  }
  return undefined
}
