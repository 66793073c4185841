/** What Berth reads of the Docker Engine API's answers (docs.docker.com, "Docker Engine API", v1.40 to v1.47). */

export interface VersionAnswer {
  readonly Version: string
  readonly ApiVersion: string
  readonly MinAPIVersion?: string
  readonly Os: string
  readonly Arch: string
}

export interface ContainerSummary {
  readonly Id: string
  readonly Names: readonly string[]
  readonly Image: string
  readonly ImageID: string
  /** Seconds since the epoch. */
  readonly Created: number
  readonly State: string
  readonly Labels: Readonly<Record<string, string>> | null
  readonly Mounts?: readonly { readonly Type: string; readonly Name?: string; readonly Destination: string }[]
}

export interface ContainerState {
  readonly Status: 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead'
  readonly Running: boolean
  readonly Paused: boolean
  readonly OOMKilled: boolean
  readonly Pid: number
  readonly ExitCode: number
  readonly Error: string
  readonly StartedAt: string
  readonly FinishedAt: string
  /** Present where it has a health check. */
  readonly Health?: {
    readonly Status: 'none' | 'starting' | 'healthy' | 'unhealthy'
    readonly Log?: readonly { readonly Output?: string }[] | null
  }
}

export interface ContainerInspect {
  readonly Id: string
  readonly Name: string
  readonly Created: string
  readonly State: ContainerState
  /** Content digest of the image. */
  readonly Image: string
  readonly Config: {
    readonly Image: string
    readonly User: string
    readonly Env: readonly string[] | null
    readonly Labels: Readonly<Record<string, string>> | null
  }
  readonly HostConfig: { readonly Memory?: number; readonly NetworkMode?: string }
  readonly Mounts: readonly {
    readonly Type: string
    readonly Name?: string
    readonly Source?: string
    readonly Destination: string
  }[]
}

export interface VolumeSummary {
  readonly Name: string
  readonly CreatedAt?: string
  /** Where it is on the engine's machine. */
  readonly Mountpoint?: string
  readonly Labels: Readonly<Record<string, string>> | null
}

export interface VolumeList {
  readonly Volumes: readonly VolumeSummary[] | null
}

export interface ImageInspect {
  readonly Id: string
  readonly Architecture: string
  readonly Os: string
  readonly RepoTags: readonly string[] | null
  readonly Config: {
    readonly User?: string
    readonly Env?: readonly string[] | null
    readonly Entrypoint?: readonly string[] | null
    readonly Cmd?: readonly string[] | null
    readonly WorkingDir?: string
    readonly Labels?: Readonly<Record<string, string>> | null
    readonly Volumes?: Readonly<Record<string, unknown>> | null
  } | null
}

export interface ImageSummary {
  readonly Id: string
  readonly ParentId: string
  readonly RepoTags: readonly string[] | null
  readonly Labels: Readonly<Record<string, string>> | null
  /** Bytes. */
  readonly Size?: number
}

export interface ExecInspect {
  readonly Running: boolean
  readonly ExitCode: number | null
  readonly Pid: number
}

export interface StatsAnswer {
  readonly cpu_stats: { readonly cpu_usage: { readonly total_usage: number } }
  readonly memory_stats: {
    readonly usage?: number
    readonly limit?: number
    readonly stats?: Readonly<Record<string, number>>
  }
  readonly read: string
}

export interface EngineEvent {
  readonly Type: string
  readonly Action: string
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> | null }
}

/** A line of the progress stream of pull and build. */
export interface ProgressLine {
  readonly status?: string
  readonly id?: string
  readonly progressDetail?: { readonly current?: number; readonly total?: number }
  readonly stream?: string
  readonly aux?: { readonly ID?: string }
  readonly error?: string
  readonly errorDetail?: { readonly message?: string; readonly code?: number }
}
