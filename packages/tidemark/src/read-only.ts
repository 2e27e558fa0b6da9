import type { OpenOptions } from './options.ts'

/**
 * What {@link open} takes to look at a store and never write to its file. It runs nothing in the background but what follows the
 * log, and every write is refused with READ_ONLY. Without Redis: what is agreed on with a shared front is kept in the file.
 *
 * The user of the process needs no write permission on the file. Without one on its folder either, SQLite reads the file while a
 * process that may write has it open, and not otherwise: then `open` rejects with READ_ONLY.
 */
export interface ReadOnlyOptions extends Pick<
  OpenOptions,
  'near' | 'warmOnOpen' | 'readPolicy' | 'busyTimeoutMs' | 'codec' | 'clock' | 'onError' | 'log'
> {
  readonly readOnly: true
  /** The SQLite file. There has to be a store in it, of this release's version. */
  readonly file: string
  /** @default 'open' */
  readonly mode?: 'open' | undefined
}

const OF_WRITERS = [
  'redis',
  'relay',
  'compaction',
  'writePolicy',
  'writeBehind',
  'ack',
  'synchronous',
  'sweepEveryMs',
] as const satisfies readonly Exclude<keyof OpenOptions, keyof ReadOnlyOptions>[]

/** @throws TypeError for an option that is of use to who writes */
export function assertReadsOnly(options: OpenOptions | ReadOnlyOptions): void {
  if (options.file === undefined) throw new TypeError('option readOnly needs the option file')
  if (options.mode !== undefined && options.mode !== 'open') {
    throw new TypeError(`option mode must be 'open' together with readOnly, not '${options.mode}'`)
  }
  const given = OF_WRITERS.find((name) => (options as OpenOptions)[name] !== undefined)
  if (given !== undefined)
    throw new TypeError(`option ${given} needs a store that can be written, and has no use with readOnly`)
}
