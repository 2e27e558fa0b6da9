import type { Agreement } from '../checks/agreement.ts'
import type { ReadCheck } from '../checks/read-check.ts'
import type { InstanceClient, Reply } from './client.ts'
import type { Tally } from './tally.ts'

/** What became of a request, nobody knows: the instance was killed while it was under way. */
export const UNKNOWN = Symbol('unknown')

/** Reads and writes places through instances, and lets every answer be checked. */
export class Session {
  readonly #reads: ReadCheck
  readonly #agreement: Agreement
  readonly #tally: Tally

  constructor(reads: ReadCheck, agreement: Agreement, tally: Tally) {
    this.#reads = reads
    this.#agreement = agreement
    this.#tally = tally
  }

  async read(client: InstanceClient, id: number): Promise<Reply | undefined> {
    const expected = this.#reads.expect(id, client.instance)
    const reply = await this.#send(() => client.request('GET', id), client, `GET ${id}`, [200, 404])
    if (reply === undefined || reply === UNKNOWN) return undefined
    this.#tally.reads++
    this.#reads.observe(
      expected,
      { version: reply.status === 404 ? 0 : reply.version, rev: revOf(reply) },
      performance.now(),
    )
    return reply
  }

  /**
   * @returns undefined when it was not written: the place is gone (404), or is not at the expected version (412). Of a
   * write whose outcome is unknown nothing is expected: neither that it is there, nor that it is not.
   */
  async write(
    client: InstanceClient,
    method: 'PUT' | 'PATCH',
    id: number,
    body: object,
    headers: Record<string, string> = {},
  ): Promise<Reply | typeof UNKNOWN | undefined> {
    const what = `${method} ${id}`
    const reply = await this.#send(
      () => client.request(method, id, { body, headers }),
      client,
      what,
      [200, 201, 404, 412],
    )
    if (reply === UNKNOWN) return reply
    if (reply?.status === 412) this.#tally.conflicts++
    if (reply === undefined || reply.status >= 400) return undefined
    this.#acknowledged(id, reply.version, revOf(reply))
    return reply
  }

  /** @param isPerhapsGone an earlier attempt may have deleted it, so that a 404 is as good */
  async delete(client: InstanceClient, id: number, isPerhapsGone: boolean): Promise<boolean | typeof UNKNOWN> {
    const expected = isPerhapsGone ? [200, 404] : [200]
    const reply = await this.#send(() => client.request('DELETE', id), client, `DELETE ${id}`, expected)
    if (reply === UNKNOWN) return reply
    if (reply === undefined) return false
    if (reply.status === 404) return true
    this.#tally.writes++
    this.#agreement.acknowledged(Number(reply.body?.['version']), keyOf(id))
    return true
  }

  #acknowledged(id: number, version: number, rev: number | undefined): void {
    this.#tally.writes++
    this.#reads.acknowledged(id, version, rev)
    this.#agreement.acknowledged(version, keyOf(id))
  }

  async #send(
    request: () => Promise<Reply>,
    client: InstanceClient,
    what: string,
    expected: readonly number[],
  ): Promise<Reply | typeof UNKNOWN | undefined> {
    const { instance, life } = client
    try {
      const reply = await request()
      if (expected.includes(reply.status)) return reply
      this.#tally.failed(`instance ${instance}: ${what} answered ${reply.status} ${JSON.stringify(reply.body)}`)
    } catch (error) {
      if (client.life !== life) {
        this.#tally.interrupted++
        return UNKNOWN
      }
      this.#tally.failed(`instance ${instance}: ${what} failed: ${(error as Error).message}`)
    }
    return undefined
  }
}

/** As the change stream renders the key of a place. */
function keyOf(id: number): string {
  return JSON.stringify(['place', id])
}

function revOf({ body }: Reply): number | undefined {
  return body?.['rev'] as number | undefined
}
