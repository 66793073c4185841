import { type Definition, emptyDefinition, type ProposalReason } from '#contract'
import { variableOf } from '../known-services'
import type { RepositoryReader } from '../reader'
import { composePorts, describeDatabase, findDatabases, firstOf } from './databases'
import { Evidence, type Fact } from './evidence'
import { type Finding, type Place, type PortFinding, placeAt, portFinding } from './finding'
import { findVersions, pipelinesOf, type VersionHints } from './hints'
import { detectNode } from './node'
import {
  detectCpp,
  detectDotnet,
  detectGo,
  detectJava,
  detectPhp,
  detectRuby,
  detectRust,
} from './other-languages'
import { detectPython } from './python'
import { imageOf, toolchains } from './toolchains'

/** A definition that nobody wrote, with what it was guessed from. */
export interface Detected {
  readonly definition: Definition
  readonly reasons: readonly ProposalReason[]
}

/** In the order in which they give the image where there are several: the ones that seldom only help come first. */
const detectors = [
  detectJava,
  detectDotnet,
  detectGo,
  detectRust,
  detectPhp,
  detectRuby,
  detectPython,
  detectNode,
  detectCpp,
] as const

/** Folders of parts that a repository may consist of. */
const parts = ['backend', 'server', 'api', 'app', 'frontend', 'client', 'web', 'ui']
/** Of a repository with as many ports as this, nobody opens all. */
const mostPorts = 8

/**
 * Guesses from a repository's files what a workspace for it should be; undefined where they tell nothing. Reads few
 * and small files, whatever there are. Rejects as the reader does where its server does not answer.
 */
export async function detect(reader: RepositoryReader, sourceName: string): Promise<Detected | undefined> {
  const evidence = new Evidence(reader)
  const root = await placeAt(evidence, '.')
  const findings = await findLanguages(evidence, root)
  const [primary] = findings
  if (!primary) return undefined
  const pipelines = await pipelinesOf(evidence)
  const hints = await findVersions(evidence, pipelines)
  const reasons: ProposalReason[] = []
  const tell = (field: string, what: string, { because, line }: Omit<Fact, 'value'>) =>
    reasons.push({ field, what, because, ...(line === undefined ? {} : { line }) })

  const image = chooseImage(primary, hints, tell)
  const features = findings.slice(1).flatMap((finding) => chooseFeature(finding, primary, hints, tell))
  const lifecycle = chooseCommands(findings, tell)
  const ports = await choosePorts(evidence, findings)
  for (const found of ports) tell('forwardPorts', `port ${found.port}`, found)
  const containerEnv: Record<string, string> = {}
  const services: Definition['services'] = []
  for (const database of await findDatabases(evidence, pipelines)) {
    services.push(database.service)
    tell(`services.${database.service.name}`, describeDatabase(database), database.because)
    const variable = variableOf(database.kind, database.service, containerEnv)
    if (variable) containerEnv[variable[0]] = variable[1]
  }
  const definition: Definition = {
    ...emptyDefinition(sourceName),
    title: sourceName,
    format: 'detected',
    image,
    features,
    containerEnv,
    services,
    forwardPorts: ports.map(({ port }) => port),
    portsAttributes: Object.fromEntries(ports.map(({ port, label }) => [String(port), { label }])),
    lifecycle,
  }
  return { definition, reasons }
}

type Tell = (field: string, what: string, fact: Omit<Fact, 'value'>) => void

/** Of each language one, the root's first. */
async function findLanguages(evidence: Evidence, root: Place): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  const places = [root]
  for (const name of parts.filter((one) => root.has(one))) places.push(await placeAt(evidence, name))
  for (const place of places) {
    for (const detector of detectors) {
      const finding = await detector(place)
      if (!finding) continue
      const language = finding.language === 'conda' ? 'python' : finding.language
      const isKnown = findings.some(
        (one) => (one.language === 'conda' ? 'python' : one.language) === language,
      )
      // C and C++ beside another language are its extensions, whose tools come with it.
      if (!isKnown && !(language === 'cpp' && findings.length > 0)) findings.push(finding)
    }
  }
  const order = (finding: Finding) =>
    ['java', 'dotnet', 'go', 'rust', 'php', 'ruby', 'conda', 'python', 'node', 'cpp'].indexOf(
      finding.language,
    )
  return findings.sort((a, b) => order(a) - order(b))
}

function versionOf({ language, version }: Finding, hints: VersionHints): Fact | undefined {
  return version ?? hints.get(language)
}

function chooseImage(finding: Finding, hints: VersionHints, tell: Tell): string {
  const { title, preferred } = toolchains[finding.language]
  const told = versionOf(finding, hints)
  const version = told?.value ?? preferred
  tell('image', `${title} ${version}`.trim(), told ?? finding.manifest)
  return finding.image?.(version) ?? imageOf(finding.language, version)
}

function chooseFeature(
  finding: Finding,
  primary: Finding,
  hints: VersionHints,
  tell: Tell,
): Definition['features'] {
  const { title, preferred, feature } = toolchains[finding.language]
  if (feature === undefined || finding.language === primary.language) return []
  const told = versionOf(finding, hints)
  const version = told?.value ?? preferred
  const what = finding.language === 'rust' && told === undefined ? title : `${title} ${version}`
  tell(`features.${feature}`, what, told ?? finding.manifest)
  const options: Record<string, string> = finding.language === 'rust' && told === undefined ? {} : { version }
  return [{ reference: feature, options }]
}

/** One line, or several that run side by side, each under its language's name. */
function chooseCommands(findings: readonly Finding[], tell: Tell): Definition['lifecycle'] {
  const commands: [string, string][] = []
  for (const { language, folder, install } of findings) {
    if (!install) continue
    tell('postCreateCommand', install.value, install)
    // Its own names alone are folders here, and need no quotes.
    commands.push([language, folder === '.' ? install.value : `cd ${folder} && ${install.value}`])
  }
  const [only] = commands
  if (!only) return {}
  return { postCreateCommand: commands.length === 1 ? only[1] : Object.fromEntries(commands) }
}

async function choosePorts(
  evidence: Evidence,
  findings: readonly Finding[],
): Promise<readonly PortFinding[]> {
  const told = [...findings.flatMap(({ ports }) => ports), ...(await composePorts(evidence))]
  if (told.length === 0) {
    const exposed =
      (await evidence.clue('Dockerfile'))?.all(/^\s*EXPOSE\s+(\d{2,5})(?:\/tcp)?(?:\s|$)/i) ?? []
    const example = await firstOf(evidence, ['.env.example', '.env.sample'])
    const named = example?.find(/^\s*(?:export\s+)?(?:APP_|SERVER_|HTTP_)?PORT\s*=\s*["']?(\d{2,5})["']?\s*$/)
    told.push(
      ...[...exposed, named].flatMap((fact) => {
        const found = portFinding(fact, 'App')
        return found ? [found] : []
      }),
    )
  }
  return told
    .filter(({ port }, index) => told.findIndex((one) => one.port === port) === index)
    .slice(0, mostPorts)
}
