import type { LogIdentity } from '@tidemark/core'
import type { Connection } from './connection.ts'

/**
 * The identity of the log as this process knows it. Whatever reads the head of the log reads the epoch with it and tells
 * it here, so that a restore in another process is known from the next look on.
 */
export class KnownIdentity {
  #current: LogIdentity

  constructor(connection: Connection) {
    const statement = connection.prepareRows<readonly [id: string, epoch: number]>(
      'SELECT lower(hex(log_id)), epoch FROM log_head WHERE id = 1',
    )
    const [id, epoch] = connection.read(() => statement.get())!
    this.#current = Object.freeze({ id, epoch })
  }

  /** The same object until the epoch changes. */
  get current(): LogIdentity {
    return this.#current
  }

  saw(epoch: number): void {
    if (epoch !== this.#current.epoch) this.#current = Object.freeze({ id: this.#current.id, epoch })
  }
}
