/** Messages of the SSH agent protocol by their numbers (draft-ietf-sshm-ssh-agent, section 6.1). */
export const agentMessage = {
  failure: 5,
  requestIdentities: 11,
  identitiesAnswer: 12,
  signRequest: 13,
  signResponse: 14,
} as const

/** Longest message, in bytes, as OpenSSH's own agent has it (ssh-agent.c, AGENT_MAX_LEN). */
export const LONGEST_FRAME = 256 * 1024

/** What is no message of an SSH agent, or too long a one. */
export class AgentFrameError extends Error {}

/** Takes messages, each with its type first, out of what comes in pieces. */
export class AgentFrames {
  #held: Buffer = Buffer.alloc(0)

  /** Throws {@link AgentFrameError}. */
  push(chunk: Buffer): Buffer[] {
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    const frames: Buffer[] = []
    while (this.#held.length >= 4) {
      const length = this.#held.readUInt32BE(0)
      if (length < 1 || length > LONGEST_FRAME) throw new AgentFrameError('not a message of an SSH agent')
      if (this.#held.length < 4 + length) break
      frames.push(this.#held.subarray(4, 4 + length))
      this.#held = this.#held.subarray(4 + length)
    }
    return frames
  }
}

/** A message with its length in front. */
export function agentFrame(body: Buffer): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt32BE(body.length)
  return Buffer.concat([head, body])
}

/** What an agent says where it does not do what was asked. */
export const FAILURE = Buffer.from([agentMessage.failure])
