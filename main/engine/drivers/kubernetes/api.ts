import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Problem } from '#contract'

/**
 * What the parts of the Kubernetes driver need of the API server, apart from how it is reached. Types of its objects
 * come from `@kubernetes/client-node`, whose code is not used: it opens a TLS connection for every call, knows no
 * backpressure and tells nobody when a stream has died, and importing it costs half a second.
 */

/** A list becomes a parameter of the same name for each. */
export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>

export interface CallOptions {
  readonly query?: Query
  /** Sent as JSON. */
  readonly json?: unknown
  /** Absent: `application/json`. Patches name their kind, for instance `application/merge-patch+json`. */
  readonly contentType?: string
  readonly signal?: AbortSignal
  /** Milliseconds until the answer has to begin; absent: 30 s. 0: no limit. */
  readonly timeout?: number
}

/** Who is asked, for display: no credentials. */
export interface ClientIdentity {
  /** The context's name. */
  readonly targetName: string
  /** `https://host:6443`. */
  readonly endpoint: string
  readonly namespace: string
}

/**
 * The API of one cluster as one identity. All methods reject with the raw error (`ApiError`, or Node's);
 * {@link ApiClient.failure} makes a Problem of it.
 */
export interface ApiClient {
  readonly identity: ClientIdentity
  /** A call with a JSON answer. A 401 renews the credentials once; 429 and 503 with Retry-After are waited for. */
  json<T>(method: string, path: string, options?: CallOptions): Promise<T>
  /**
   * Server-side apply as field manager `berth` (KEP-555). Without `force` a field that another manager owns rejects
   * with an ApiError of status 409 that names both.
   */
  apply<T>(path: string, object: unknown, options?: CallOptions & { readonly force?: boolean }): Promise<T>
  /** A GET whose body is read as it comes, with backpressure: logs and watches. Whoever gets it reads or destroys it. */
  stream(path: string, options?: CallOptions): Promise<IncomingMessage>
  /** Opens a websocket; `protocol` of the result is the one of `protocols` that the server chose. */
  websocket(path: string, options: UpgradeOptions): Promise<ApiWebSocket>
  /** Turns a POST into a SPDY/3.1 session; `protocol` is the stream protocol agreed on (X-Stream-Protocol-Version). */
  spdy(path: string, options: UpgradeOptions): Promise<SpdySession>
  /**
   * The same session in a websocket (KEP-4006; port-forward from 1.31 on): passes where proxies know no SPDY. Protocols
   * as for {@link spdy}: `portforward.k8s.io`.
   */
  spdyOverWebSocket(path: string, options: UpgradeOptions): Promise<SpdySession>
  /** The ProblemError of a failed call. `title` says what was being done. */
  failure(error: unknown, title: string, signal?: AbortSignal): Error
  /** Ends every connection. */
  dispose(): Promise<void>
}

export interface UpgradeOptions {
  readonly query?: Query
  /** In the order of preference. None, for a watch or a log: messages without a protocol. */
  readonly protocols: readonly string[]
  readonly signal?: AbortSignal
  /** Milliseconds until the server has to agree; absent: 30 s. 0: no limit. */
  readonly timeout?: number
}

/** Why a stream is over: `clean` where the other side said so properly. */
export interface StreamEnd {
  readonly clean: boolean
  /** For the detail of a Problem. */
  readonly reason: string
}

/**
 * A websocket of binary messages, with backpressure both ways, pings, and an end that is always told: a connection
 * that gives no sign of life for 20 s, received or drained, is dead, unless it is this side that does not read.
 */
export interface ApiWebSocket {
  readonly protocol: string
  /** Called for each message, in order, until {@link pause}. */
  onMessage(listener: (data: Buffer) => void): void
  pause(): void
  resume(): void
  /**
   * Sends the parts as one message; they are copied. False: more than the high mark waits to be sent; call again
   * after {@link onDrain}, which is called after the end, too.
   */
  send(...parts: readonly Uint8Array[]): boolean
  onDrain(listener: () => void): void
  /** Never rejects; resolves once, after the last message. */
  readonly ended: Promise<StreamEnd>
  /** Says goodbye and ends. */
  close(): void
  /** Ends at once. */
  destroy(): void
}

/** A SPDY/3.1 session as the streaming endpoints of the API server and kubelet speak it. */
export interface SpdySession {
  readonly protocol: string
  /** Opens a stream. Resolves when the other side has accepted it (SYN_REPLY). */
  open(headers: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<SpdyStream>
  /** Streams that are open. */
  readonly streams: number
  readonly ended: Promise<StreamEnd>
  /** Lets open streams come to their end and takes no new one. */
  close(): void
  destroy(): void
}

/**
 * `end()` half-closes (FLAG_FIN); `destroy()` resets this stream alone. A reset by the other side (`SpdyResetError`,
 * which is how a kubelet ends all streams of a session that is over) and the end of the session come as an error after
 * what was received has been read. Streams share the session's 2 MiB of what is not read yet: read each, or destroy it,
 * and give one that is bulky or slow a session of its own.
 */
export interface SpdyStream extends Duplex {
  readonly streamId: number
}

/** TLS material as it is now. */
export interface TlsIdentity {
  readonly ca?: string | Buffer
  readonly cert?: string | Buffer
  readonly key?: string | Buffer
  readonly serverName?: string
  readonly skipVerify: boolean
}

/** As Node's http takes them; a list is sent as one header line for each of its values. */
export type RequestHeaders = Readonly<Record<string, string | string[]>>

/** One user of one cluster. Follows the kubeconfig while it changes; what is asked for is always what holds now. */
export interface Credentials {
  /**
   * Authorization and impersonation headers (groups are a list: `Impersonate-Group` is repeated, not joined). Rejects
   * with a ProblemError that has the remedy.
   */
  headers(signal?: AbortSignal): Promise<RequestHeaders>
  /** Read again when its files change, or made by a credential plugin. Rejects like {@link headers}. */
  tls(signal?: AbortSignal): Promise<TlsIdentity>
  /**
   * The server answered 401: what is cached is not used again. Callers that wait share one renewal. `refused` is what
   * {@link headers} had given for that request; with it, a credential that another caller has renewed meanwhile is
   * left alone.
   */
  rejected(refused?: RequestHeaders): void
  /** The Problem of a 401 that a renewal did not cure: what was refused, since when it has expired, how to log in. */
  refusal(): Problem
  dispose(): void
}

/** How to reach a cluster: what a kubeconfig context comes to. */
export interface ClusterAccess {
  /** `https://host:6443`, without a trailing slash; may have a path. */
  readonly server: string
  /**
   * `proxy-url` of the cluster, else what the environment says (HTTPS_PROXY, NO_PROXY): http, https or socks5 URL. It
   * may hold a password, and changes with the kubeconfig: ask for each new connection.
   */
  readonly proxy?: string
  readonly credentials: Credentials
}
