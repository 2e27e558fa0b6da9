import type { Verified } from '../figures.ts'
import type { Front } from '../front/find-front.ts'
import { nameOf, READER, WORKER } from '../instance/name.ts'
import { count } from '../view/format.ts'
import type { Screen } from '../view/screen.ts'
import type { DataFiles } from './prepare.ts'
import { InstanceProcess } from './instance-process.ts'

export interface InstancesOptions {
  readonly instances: number
  readonly files: DataFiles
  readonly front: Front
  readonly port: number
  readonly screen: Screen
  readonly onCrash: (message: string) => void
}

/** Where the fleet serves. */
export interface Urls {
  readonly instances: readonly string[]
  /** Of the instance without the file; undefined: without Redis there is none. */
  readonly reader: string | undefined
  readonly worker: string
}

/** How long a comparison of the front may take: it is the last thing, and somebody waits for it. */
const VERIFY_WITHIN_MS = 10_000

/** The processes of the fleet. */
export class Instances {
  /** By number. */
  readonly #processes: Map<number, InstanceProcess>
  readonly #count: number
  readonly #start: (instance: number) => InstanceProcess
  readonly #warmed = new Map<number, { done: number; total: number }>()
  #isStopping = false

  constructor({ instances, files, front, port, screen, onCrash }: InstancesOptions) {
    this.#count = instances
    const bar = screen.bar('warming')
    let isFirst = true
    const numbers = [...Array.from({ length: instances }, (_, i) => i + 1), WORKER]
    if (front.redis !== undefined) numbers.push(READER)
    const offsets = new Map(numbers.map((number, i) => [number, i]))
    this.#start = (instance) =>
      new InstanceProcess(
        {
          instance,
          ...files,
          redis: front.redis,
          port: port === 0 ? 0 : port + (offsets.get(instance) ?? 0),
        },
        {
          onCrash,
          onLine: (line) => screen.warn(`${nameOf(instance)}: ${line}`),
          onLog: (line) => screen.say(`${nameOf(instance)}: ${line}`),
          onWarming: (done, total) => {
            // Who comes back warms in silence: the screen shows how the others are doing.
            if (!isFirst) return
            this.#warmed.set(instance, { done, total })
            bar.update(this.#sum('done'), this.#sum('total'))
          },
        },
      )
    this.#processes = new Map(numbers.map((number) => [number, this.#start(number)]))
    const end = (): void => {
      isFirst = false
      bar.end()
    }
    Promise.all([...this.#processes.values()].map(({ ready }) => ready)).then(end, end)
  }

  /** The base URLs, when all of them serve requests. */
  async ready(screen: Screen): Promise<Urls> {
    const urls = new Map(
      await Promise.all([...this.#processes].map(async ([number, { ready }]) => [number, await ready] as const)),
    )
    const [first] = this.#warmed.values()
    if (first !== undefined) screen.say(`warm   ${count(first.done)} places in the memory of each instance`)
    return {
      instances: [...urls].flatMap(([number, url]) => (number === READER || number === WORKER ? [] : [url])),
      reader: urls.get(READER),
      worker: urls.get(WORKER)!,
    }
  }

  /** Has one of them compare the shared front, of about `expected` records, with the file. Never rejects. */
  async verify(screen: Screen, expected: number): Promise<Verified> {
    const bar = screen.bar('comparing')
    const onProgress = (records: number): void => bar.update(records, Math.max(records, expected))
    const verified = await this.#processes.get(1)!.verify(VERIFY_WITHIN_MS, onProgress)
    bar.end()
    return verified
  }

  /** Kills an instance (-9) and starts it anew. @returns where it serves now. @throws Error when it does not come back */
  async restart(instance: number): Promise<string> {
    const before = this.#processes.get(instance)!
    before.kill()
    // Gone for good before the next one takes its place: there is one at a time of each.
    await before.exited
    if (this.#isStopping) throw new Error('the fleet stops')
    const process = this.#start(instance)
    this.#processes.set(instance, process)
    return process.ready
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    await Promise.all([...this.#processes.values()].map((process) => process.stop()))
  }

  kill(): void {
    this.#isStopping = true
    for (const process of this.#processes.values()) process.kill()
  }

  #sum(what: 'done' | 'total'): number {
    // Those that have not begun yet will have as much to do as the others.
    const known = [...this.#warmed.values()]
    const total = known.reduce((sum, { total }) => Math.max(sum, total), 0) * this.#count
    return what === 'total' ? total : known.reduce((sum, { done }) => sum + done, 0)
  }
}
