import { type Socket } from 'node:net'
import type { Hold } from './hold.ts'

/** How much of what passed is looked at again, so that text that was cut in two is found. */
const TAIL_BYTES = 256

/** One client's connection, passed on to the server, except for what a hold keeps back. */
export class ConnectionPair {
  readonly #client: Socket
  readonly #server: Socket
  readonly #holds: Set<Hold>
  readonly #onPassed: (direction: 'command' | 'reply', bytes: Buffer) => void
  /** Bytes that wait for a hold to be released; undefined: nothing is held in that direction. */
  #commands: Buffer[] | undefined
  #replies: Buffer[] | undefined
  #tail = Buffer.alloc(0)

  constructor(
    client: Socket,
    server: Socket,
    holds: Set<Hold>,
    onPassed: (direction: 'command' | 'reply', bytes: Buffer) => void,
  ) {
    this.#client = client
    this.#server = server
    this.#holds = holds
    this.#onPassed = onPassed
    client.on('data', (bytes) => this.#command(bytes as Buffer))
    server.on('data', (bytes) => this.#reply(bytes as Buffer))
    for (const socket of [client, server]) {
      socket.setNoDelay(true)
      socket.on('error', () => this.destroy())
      socket.on('close', () => this.destroy())
    }
  }

  destroy(): void {
    this.#client.destroy()
    this.#server.destroy()
  }

  #command(bytes: Buffer): void {
    if (this.#commands !== undefined) return void this.#commands.push(bytes)
    const seen = Buffer.concat([this.#tail, bytes])
    for (const hold of this.#holds) {
      if (!seen.includes(hold.text)) continue
      this.#holds.delete(hold)
      if (hold.what === 'command') return this.#holdCommands(hold, bytes)
      this.#holdReplies(hold)
      break
    }
    this.#tail = seen.subarray(-TAIL_BYTES)
    this.#onPassed('command', bytes)
    this.#server.write(bytes)
  }

  #reply(bytes: Buffer): void {
    if (this.#replies !== undefined) return void this.#replies.push(bytes)
    this.#onPassed('reply', bytes)
    this.#client.write(bytes)
  }

  #holdCommands(hold: Hold, bytes: Buffer): void {
    this.#commands = [bytes]
    hold.reached(() => {
      const held = this.#commands ?? []
      this.#commands = undefined
      this.#tail = Buffer.alloc(0)
      for (const command of held) this.#server.write(command)
    })
  }

  #holdReplies(hold: Hold): void {
    const replies: Buffer[] = []
    this.#replies = replies
    // Held once the server has answered: then it has done what it was asked.
    this.#server.once('data', () =>
      hold.reached(() => {
        this.#replies = undefined
        for (const reply of replies) this.#client.write(reply)
      }),
    )
  }
}
