import type { Agreement } from '../checks/agreement.ts'
import type { ReadCheck } from '../checks/read-check.ts'
import type { InstanceClient, Reply } from './client.ts'
import type { Tally } from './tally.ts'

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
    if (reply === undefined) return undefined
    this.#tally.reads++
    this.#reads.observe(
      expected,
      { version: reply.status === 404 ? 0 : reply.version, rev: revOf(reply) },
      performance.now(),
    )
    return reply
  }

  /** @returns undefined when it was not written: the place is gone (404), or is not at the expected version (412) */
  async write(
    client: InstanceClient,
    method: 'PUT' | 'PATCH',
    id: number,
    body: object,
    headers: Record<string, string> = {},
  ): Promise<Reply | undefined> {
    const what = `${method} ${id}`
    const reply = await this.#send(
      () => client.request(method, id, { body, headers }),
      client,
      what,
      [200, 201, 404, 412],
    )
    if (reply?.status === 412) this.#tally.conflicts++
    if (reply === undefined || reply.status >= 400) return undefined
    this.#acknowledged(id, reply.version, revOf(reply))
    return reply
  }

  async delete(client: InstanceClient, id: number): Promise<boolean> {
    const reply = await this.#send(() => client.request('DELETE', id), client, `DELETE ${id}`, [200])
    if (reply === undefined) return false
    this.#tally.writes++
    this.#agreement.heard(Number(reply.body?.['version']), keyOf(id))
    return true
  }

  #acknowledged(id: number, version: number, rev: number | undefined): void {
    this.#tally.writes++
    this.#reads.acknowledged(id, version, rev)
    this.#agreement.heard(version, keyOf(id))
  }

  async #send(
    request: () => Promise<Reply>,
    { instance }: InstanceClient,
    what: string,
    expected: readonly number[],
  ): Promise<Reply | undefined> {
    try {
      const reply = await request()
      if (expected.includes(reply.status)) return reply
      this.#tally.failed(`instance ${instance}: ${what} answered ${reply.status} ${JSON.stringify(reply.body)}`)
    } catch (error) {
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
