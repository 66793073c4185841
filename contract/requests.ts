import { z } from 'zod'
import { Opened, Opener, OpenerId, SshConfigStatus } from './access'
import { Credential } from './consent'
import { maximumRights, Right } from './container-options'
import { dataRequests } from './data'
import { Definition, NotApplied } from './definition'
import { featureRequests } from './feature-lock'
import { IdlePolicy } from './idle'
import { BuildAsks, BuildGrants, buildRequests } from './image-build'
import { KubernetesNamespace, KubernetesOptions, Quantity } from './kubernetes'
import { OperationOutput } from './operation'
import { Policy, PolicyPreview } from './policy'
import { PortNumber } from './port'
import { Prebuild, PrebuildFinding, PrebuildInput, PrebuildPlaceInput } from './prebuild'
import { PrebuildId } from './prebuild-mark'
import { Problem } from './problem'
import { Proposal } from './proposal'
import { Namespaces, Room } from './room'
import { TabArrangement, TerminalSize } from './session'
import { Settings, SettingsChange } from './settings'
import { templateRequests } from './template'
import { FileName, FilePath, FilePreview, FolderListing } from './transfer'
import { variableRequests } from './variable'
import { CreateInput, maximumDefinitionText, Source, Survival, WorkspaceId, WorkspaceName } from './workspace'

/** One thing that may be asked of the engine. Input is checked at the engine's door; output is for both ends' types. */
export interface RequestSchema<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> {
  readonly input: I
  readonly output: O
}

function request<I extends z.ZodType, O extends z.ZodType>(input: I, output: O): RequestSchema<I, O> {
  return { input, output }
}

const Nothing = z.strictObject({})
const OneWorkspace = z.strictObject({ workspaceId: WorkspaceId })
/** Every lifecycle action answers at once with its operation; how it goes is seen in the `operations` collection. */
const Started = z.strictObject({ operationId: z.string(), workspaceId: WorkspaceId })

/** What `create` would do, told before it is done. */
export const Preview = z.strictObject({
  source: Source,
  /** The name it would get. */
  name: z.string(),
  definition: Definition,
  /** All definition files found, in the order of preference; empty where there is none. */
  candidates: z.array(z.string()),
  notApplied: z.array(NotApplied),
  /** Present where the source has no definition, none was given, and its files tell what it needs. */
  proposal: Proposal.optional(),
  /** Whether it would be made from a prebuild; absent where there is none of this repository. */
  prebuild: PrebuildFinding.optional(),
  /** What the target lacks of what the definition asks for, in sentences without a full stop. */
  shortages: z.array(z.string()).optional(),
  /** What it lacks that cannot be done without. */
  hostProblem: Problem.optional(),
  /** Present where the team has a say. */
  policy: PolicyPreview.optional(),
  /** Present where a build asks for something of this machine. */
  buildAsks: BuildAsks.optional(),
})
export type Preview = z.infer<typeof Preview>

/** One finding of `doctor`. */
export const Check = z.strictObject({
  name: z.string(),
  state: z.enum(['ok', 'warning', 'failed']),
  message: z.string(),
  problem: Problem.optional(),
})
export type Check = z.infer<typeof Check>

export const requests = {
  /** Reads a git URL, a path or an image name as a person types it. */
  'sources.parse': request(
    z.strictObject({ text: z.string().max(4096), branch: z.string().max(400).optional() }),
    z.strictObject({
      source: Source,
      name: z.string(),
      /** What the link of a forge leads to below the repository's root: it is not followed, the whole is taken. */
      below: z.string().optional(),
    }),
  ),
  'targets.probe': request(z.strictObject({ targetId: z.string() }), Nothing),
  /** What room a cluster's namespace has for a workspace with these options, over those of the settings. */
  'targets.room': request(
    z.strictObject({ targetId: z.string(), kubernetes: KubernetesOptions.optional() }),
    Room,
  ),
  /** Of the context of a cluster's target. */
  'targets.namespaces': request(z.strictObject({ targetId: z.string() }), Namespaces),
  /**
   * Makes another namespace of a target's context a target as well, and the namespace itself if asked. Answers with the
   * new target's id.
   */
  'targets.addNamespace': request(
    z.strictObject({ targetId: z.string(), namespace: KubernetesNamespace, create: z.boolean() }),
    z.strictObject({ targetId: z.string() }),
  ),
  /** A namespace is no target any more; it and what is in it stay. */
  'targets.removeNamespace': request(z.strictObject({ targetId: z.string() }), Nothing),
  /** What the source's definitions are; where it has none, what its files say that it needs. Needs no target. */
  'definitions.propose': request(
    z.strictObject({ source: Source }),
    z.strictObject({ candidates: z.array(z.string()), proposal: Proposal.optional() }),
  ),
  /**
   * Writes a definition into a folder of this machine, as `.devcontainer/devcontainer.json`. Rejects with `file-exists`
   * where there is one, unless it may be replaced, and with `definition-invalid` where it cannot be read.
   */
  'definitions.save': request(
    z.strictObject({
      folder: z.string().min(1).max(4096),
      text: z.string().max(maximumDefinitionText),
      replace: z.boolean().default(false),
    }),
    z.strictObject({ path: z.string() }),
  ),
  ...templateRequests,
  ...buildRequests,
  ...featureRequests,
  'workspaces.preview': request(CreateInput, Preview),
  'workspaces.create': request(CreateInput, Started),
  'workspaces.start': request(OneWorkspace, Started),
  'workspaces.stop': request(
    OneWorkspace.extend({
      /**
       * Waits for nothing: neither for its processes to end politely nor for a node that does not answer. Where there is
       * a risk in that, `workspaces.survival` says so.
       */
      force: z.boolean().optional(),
    }),
    Started,
  ),
  'workspaces.restart': request(OneWorkspace, Started),
  /**
   * `allowRights`: of power over the machine all that is asked for by then, nothing, or these beside those that were
   * allowed; absent: those that were allowed.
   */
  'workspaces.rebuild': request(
    OneWorkspace.extend({
      allowRights: z.union([z.boolean(), z.array(Right).max(maximumRights)]).optional(),
      buildGrants: BuildGrants.optional(),
    }),
    Started,
  ),
  'workspaces.rename': request(z.strictObject({ workspaceId: WorkspaceId, name: WorkspaceName }), Started),
  /** Makes its volume larger, in place and with all that is on it. A volume never shrinks. */
  'workspaces.grow': request(z.strictObject({ workspaceId: WorkspaceId, storage: Quantity }), Started),
  /** When it is stopped by itself; null: never. */
  'workspaces.idle': request(
    z.strictObject({ workspaceId: WorkspaceId, policy: IdlePolicy.nullable() }),
    Nothing,
  ),
  /** It is not stopped by itself for so many hours from now on. */
  'workspaces.keep': request(
    z.strictObject({ workspaceId: WorkspaceId, hours: z.number().min(1).max(168) }),
    Nothing,
  ),
  /**
   * Puts the objects of a task of its definition into the cluster, and then, unless that is all that is asked for, runs
   * its lines in a terminal of its own; answers when they run.
   */
  'workspaces.runTask': request(
    OneWorkspace.extend({ name: z.string().min(1).max(400), part: z.literal('objects').optional() }),
    Nothing,
  ),
  /** Its snapshots go with it, where they can outlive it, unless they are kept. */
  'workspaces.delete': request(OneWorkspace.extend({ keepSnapshots: z.boolean().optional() }), Started),
  'workspaces.survival': request(
    z.strictObject({
      workspaceId: WorkspaceId,
      action: z.enum(['stop', 'force-stop', 'restart', 'rebuild', 'delete']),
    }),
    Survival,
  ),
  'workspaces.diagnose': request(OneWorkspace, z.array(Problem)),
  'workspaces.stats': request(
    OneWorkspace,
    z.strictObject({
      /** Share of one core, 1 = one core busy. */
      cpu: z.number(),
      /** Bytes. */
      memory: z.number(),
      memoryLimit: z.number().optional(),
    }),
  ),
  /** Of a git repository; answers with the operation, and how the prebuild will be called. */
  'prebuilds.create': request(PrebuildInput, Started.extend({ prebuildId: PrebuildId })),
  /** Of one target, newest first. */
  'prebuilds.list': request(PrebuildPlaceInput, z.array(Prebuild)),
  /**
   * Workspaces that were made from it go on. Rejects with `not-found` where there is none of this id; of a cluster also
   * with `busy` where workspaces there need it, and `unsupported` where its registry deletes nothing. `image`: of several
   * with this id, the one with this name alone.
   */
  'prebuilds.remove': request(
    PrebuildPlaceInput.extend({ prebuildId: PrebuildId, image: z.string().optional() }),
    Nothing,
  ),
  'operations.cancel': request(z.strictObject({ operationId: z.string() }), Nothing),
  'operations.dismiss': request(z.strictObject({ operationId: z.string() }), Nothing),
  /** What it printed so far (the newest 1 MiB). */
  'operations.output': request(z.strictObject({ operationId: z.string() }), z.array(OperationOutput)),
  'sessions.create': request(
    z.strictObject({
      workspaceId: WorkspaceId,
      /** Absent: in the workspace's own container. */
      service: z.string().max(100).optional(),
      command: z.array(z.string()).min(1).optional(),
      cwd: z.string().optional(),
      columns: TerminalSize,
      rows: TerminalSize,
    }),
    z.strictObject({ sessionId: z.string() }),
  ),
  /**
   * The terminal that a workspace is met with: one that it has, else a new one of its user's shell. What the workspace
   * keeps from earlier may take a moment to be known; that is waited for.
   */
  'sessions.greet': request(
    z.strictObject({ workspaceId: WorkspaceId, columns: TerminalSize, rows: TerminalSize }),
    z.strictObject({ sessionId: z.string() }),
  ),
  'sessions.rename': request(z.strictObject({ sessionId: z.string(), title: z.string().max(200) }), Nothing),
  /**
   * What would end with it: the process in the foreground of its terminal, where that is another one than its shell.
   * Absent where there is none, and where it cannot be known; answers within three seconds.
   */
  'sessions.foreground': request(
    z.strictObject({ sessionId: z.string() }),
    z.strictObject({
      process: z.strictObject({ name: z.string(), command: z.string() }).optional(),
    }),
  ),
  /** Remembers how a window has the terminals of a workspace; what is left out stays. Answers when it is written down. */
  'sessions.arrange': request(
    TabArrangement.omit({ id: true }).partial().extend({ workspaceId: WorkspaceId }),
    Nothing,
  ),
  /** Ends its processes if they still run, and forgets it. */
  'sessions.close': request(z.strictObject({ sessionId: z.string() }), Nothing),
  'ports.forward': request(
    z.strictObject({
      workspaceId: WorkspaceId,
      port: PortNumber,
      /** Absent: the same number if it is free, else any. Present and taken: a Problem. */
      localPort: PortNumber.optional(),
      label: z.string().max(100).optional(),
      protocol: z.enum(['http', 'https', 'tcp']).optional(),
    }),
    z.strictObject({ localPort: PortNumber, url: z.string().optional() }),
  ),
  'ports.stop': request(z.strictObject({ workspaceId: WorkspaceId, port: PortNumber }), Nothing),
  'ports.label': request(
    z.strictObject({ workspaceId: WorkspaceId, port: PortNumber, label: z.string().max(100) }),
    Nothing,
  ),
  /** What is in a folder; absent: the workspace folder. */
  'files.list': request(
    z.strictObject({ workspaceId: WorkspaceId, path: FilePath.optional() }),
    FolderListing,
  ),
  'files.preview': request(z.strictObject({ workspaceId: WorkspaceId, path: FilePath }), FilePreview),
  'files.makeFolder': request(
    z.strictObject({ workspaceId: WorkspaceId, folder: FilePath, name: FileName }),
    Nothing,
  ),
  /** Within its folder. Where something has the name that is a Problem. */
  'files.rename': request(
    z.strictObject({ workspaceId: WorkspaceId, path: FilePath, name: FileName }),
    Nothing,
  ),
  /** Folders with all that they hold; of a link the link alone. */
  'files.delete': request(
    z.strictObject({ workspaceId: WorkspaceId, paths: z.array(FilePath).min(1).max(10_000) }),
    Nothing,
  ),
  /** Copies into a folder of a workspace; how it goes is seen in the `transfers` collection. */
  'transfers.upload': request(
    z.strictObject({
      workspaceId: WorkspaceId,
      /** Of this machine. */
      paths: z.array(FilePath).min(1).max(10_000),
      folder: FilePath,
      /** What happens to a file that has the name; of a folder both are kept always. */
      existing: z.enum(['replace', 'keep-both']),
    }),
    z.strictObject({ transferId: z.string() }),
  ),
  /** Copies into a folder of this machine. What is there stays: names that are taken get a number. */
  'transfers.download': request(
    z.strictObject({
      workspaceId: WorkspaceId,
      paths: z.array(FilePath).min(1).max(10_000),
      folder: FilePath,
    }),
    z.strictObject({ transferId: z.string() }),
  ),
  /** Ends it and takes away what is unfinished. */
  'transfers.cancel': request(z.strictObject({ transferId: z.string() }), Nothing),
  /** Goes on with one that failed, where it was. */
  'transfers.resume': request(z.strictObject({ transferId: z.string() }), Nothing),
  /** Forgets one that has ended, and takes away what it left unfinished. */
  'transfers.dismiss': request(z.strictObject({ transferId: z.string() }), Nothing),
  /** Programs of this machine in which a workspace can be opened, and its host for SSH. */
  'access.openers': request(OneWorkspace, z.strictObject({ openers: z.array(Opener), host: z.string() })),
  /** Opens a running workspace in one of them. One that needs what OpenSSH is told fails where that was not done. */
  'access.open': request(OneWorkspace.extend({ opener: OpenerId }), Opened),
  'access.sshConfig': request(Nothing, SshConfigStatus),
  /** Adds a line to the user's own configuration of OpenSSH, or takes it out again. Only when the user asks for it. */
  'access.setSshConfig': request(z.strictObject({ isInstalled: z.boolean() }), SshConfigStatus),
  /** Answers one of the `consents`. `always` is remembered for its workspace. */
  'credentials.answer': request(
    z.strictObject({ consentId: z.string(), answer: z.enum(['once', 'always', 'deny']) }),
    Nothing,
  ),
  /** Lets a workspace have a credential without a question from now on. */
  'credentials.allow': request(OneWorkspace.extend({ credential: Credential }), Nothing),
  /** From now on that is asked again. */
  'credentials.revoke': request(OneWorkspace.extend({ credential: Credential }), Nothing),
  ...variableRequests,
  /** Reads team policies again where they come from; answers when that is done, however it ended. */
  'policies.refresh': request(z.strictObject({ id: z.string().optional() }), Nothing),
  /** Whether a text is a policy, for who writes one. `path` is for messages. */
  'policies.check': request(
    z.strictObject({ text: z.string().max(maximumDefinitionText), path: z.string().min(1).max(4096) }),
    z.strictObject({ policy: Policy.optional(), problems: z.array(Problem) }),
  ),
  'settings.change': request(SettingsChange, Settings),
  'doctor.run': request(Nothing, z.array(Check)),
  ...dataRequests,
} as const satisfies Record<string, RequestSchema>

export type Requests = typeof requests
export type RequestName = keyof Requests
/** What a caller passes. */
export type RequestInput<N extends RequestName> = z.input<Requests[N]['input']>
/** What a handler gets, after the schema's defaults. */
export type RequestParsed<N extends RequestName> = z.output<Requests[N]['input']>
export type RequestOutput<N extends RequestName> = z.output<Requests[N]['output']>
